#include "tune/input_rounder.hpp"

#include <algorithm>
#include <utility>

#include "compare/mask.hpp"
#include "compare/worker.hpp"
#include "plan/node_forms.hpp"
#include "prepare/twins.hpp"
#include "qi8/error.hpp"
#include "rounding/inputs.hpp"
#include "rounding/learner.hpp"
#include "tune/influences.hpp"
#include "tune/measurer.hpp"
#include "tune/trial.hpp"

namespace qi8::tune {
namespace {

// The units of the model, each with the form that it is to have and float32 alone.
std::vector<Unit> UnitsAsAsked(const Model& model, const Selection& selection, const std::vector<Form>& forms,
                               const std::set<TensorId>& kept) {
  std::vector<Form> distinct;
  for (const Form& form : forms) {
    if (std::ranges::find(distinct, form) == distinct.end()) distinct.push_back(form);
  }
  std::vector<Unit> units = FindUnits(model, selection, distinct, kept).units;
  for (Unit& unit : units) {
    const Form& asked = forms.at(unit.members.front());
    std::erase_if(unit.choices, [&](const Choice& choice) {
      const bool is_exact = choice.form.kind == FormKind::kFloat32;
      return choice.form != asked && choice.written != kOnlyForm && !is_exact;
    });
  }
  std::erase_if(units, [](const Unit& unit) { return unit.choices.size() < 2; });
  return units;
}

bool HasSeveralUsers(const Learnable& weight) {
  return weight.obstacle.empty() && weight.uses.size() + weight.readers.size() > 1;
}

// Every product is run with each of these, twice: as many as tell what helps, from all over.
std::vector<compare::InputSet> Spread(const std::vector<compare::InputSet>& cases) {
  constexpr std::size_t kEnough = 16;
  const std::size_t count = std::min(cases.size(), kEnough);
  std::vector<compare::InputSet> spread;
  for (std::size_t i = 0; i < count; ++i) spread.push_back(cases[i * cases.size() / count]);
  return spread;
}

}  // namespace

Rounded LearnFrom(FileSystem& file_system, const compare::RunOptions& options, std::vector<Learnable> weights,
                  const rounding::Influences& influences, const rounding::SplitCases& split,
                  std::optional<std::size_t> mask, Observer& observer) {
  observer.OnStage("learn");
  rounding::Learning learning = rounding::Learner(file_system, options.model, options, observer)
                                    .Learn(std::move(weights), influences, split, mask);
  return {.codes = std::move(learning.codes),
          .report = {.inputs = "",
                     .inputs_sha256 = "",
                     .learned_from = split.learned_from.size(),
                     .judged_by = split.judged_by.size(),
                     .weights = std::move(learning.weights)}};
}

Rounded InputRounder::Round(const Selection& selection, const std::set<TensorId>& kept) {
  rounding::RequireRecorded(options_.inputs);
  Measurer measurer(file_system_, options_.model, options_, observer_);
  const auto& opened = measurer.Open();
  compare::Cases cases = compare::ReadCases(file_system_, options_.inputs, opened.inputs, options_.most_sets);
  for (const std::string& note : cases.notes) observer_.OnWarning(note);
  const auto mask = compare::FindMask(options_.mask, opened.inputs);
  const std::string from = cases.from;
  std::vector<compare::InputSet> sets = rounding::SetsOf(std::move(cases));
  const std::string hash =
      rounding::HashOf(sets, mask ? std::optional(opened.inputs[*mask].name) : std::nullopt);
  const rounding::SplitCases split = rounding::Split(std::move(sets));

  Model model = Model::Load(file_system_, options_.model);
  const Twins twins = FindTwins(model, [this] { return observer_.ShouldStop(); });
  model.SetTwins(twins);
  const std::vector<Form> forms = NodeForms(model, selection);
  LearnedWeights to_learn;
  to_learn.Add(model, selection, forms, kept);
  const std::vector<Unit> units = UnitsAsAsked(model, selection, forms, kept);
  const std::vector<compare::InputSet> tried = Spread(split.judged_by);
  const auto measure = [&](Measurer& with, const RoundedWeights* codes) {
    observer_.OnStage("measure");
    with.SetCases(tried, mask);
    with.SetCodes({.twins = twins, .rounded = codes});
    const Economy economy{.least_noise = 0, .size_matters = true, .times_matter = false};
    return with.Measure(units, selection, kept, economy);
  };
  // How much each user counts is asked only where there are several. What takes long is not done for weights
  // of which nothing can be learned.
  std::optional<Measurements> nearest;
  if (std::ranges::any_of(to_learn.weights, HasSeveralUsers)) nearest = measure(measurer, nullptr);
  const auto influences = nearest ? InfluencesOf(*nearest, tried) : rounding::Influences();
  Rounded rounded = LearnFrom(file_system_, options_, to_learn.weights, influences, split, mask, observer_);
  rounded.report.inputs = from;
  rounded.report.inputs_sha256 = hash;
  const auto is_learned = [](const LearnedWeight& weight) { return weight.is_learned(); };
  if (std::ranges::none_of(rounded.report.weights, is_learned)) return rounded;

  if (!nearest) nearest = measure(measurer, nullptr);
  Measurer again(file_system_, options_.model, options_, observer_);
  static_cast<void>(again.Open());
  Measurements learned = measure(again, &rounded.codes);
  TakeBack(model, to_learn, {*nearest, learned}, rounded);
  return rounded;
}

}  // namespace qi8::tune
