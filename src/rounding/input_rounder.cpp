#include "rounding/input_rounder.hpp"

#include <optional>
#include <utility>

#include "compare/mask.hpp"
#include "compare/worker.hpp"
#include "plan/node_forms.hpp"
#include "prepare/learnable.hpp"
#include "prepare/twins.hpp"
#include "qi8/error.hpp"
#include "rounding/inputs.hpp"
#include "rounding/learner.hpp"
#include "rounding/split.hpp"

namespace qi8::rounding {

Rounded InputRounder::Round(const Selection& selection, const std::set<TensorId>& kept) {
  if (options_.inputs.empty()) {
    throw Error(
        ErrorKind::kUsage,
        "--rounding learned needs --inputs: what is learned from inputs that are made up makes a model "
        "worse with real ones");
  }
  compare::Worker worker(options_.worker, options_.timeout_seconds,
                         [this] { return observer_.ShouldStop(); });
  const auto opened = worker.Open(options_.model.native(), options_);
  compare::Cases cases = compare::ReadCases(file_system_, options_.inputs, opened.inputs, options_.most_sets);
  for (const std::string& note : cases.notes) observer_.OnWarning(note);
  const auto mask = compare::FindMask(options_.mask, opened.inputs);
  Rounded rounded;
  rounded.report.inputs = cases.from;
  std::vector<compare::InputSet> sets = SetsOf(std::move(cases));
  rounded.report.inputs_sha256 = HashOf(sets, mask ? std::optional(opened.inputs[*mask].name) : std::nullopt);
  const SplitCases split = Split(std::move(sets));
  rounded.report.learned_from = split.learned_from.size();
  rounded.report.judged_by = split.judged_by.size();

  Model model = Model::Load(file_system_, options_.model);
  model.SetTwins(FindTwins(model, [this] { return observer_.ShouldStop(); }));
  std::vector<Learnable> weights = FindLearnable(model, selection, NodeForms(model, selection), kept);
  Learning learning =
      Learner(file_system_, options_.model, options_, observer_).Learn(std::move(weights), split, mask);
  rounded.codes = std::move(learning.codes);
  rounded.report.weights = std::move(learning.weights);
  rounded.report.most_steps = learning.most_steps;
  return rounded;
}

}  // namespace qi8::rounding
