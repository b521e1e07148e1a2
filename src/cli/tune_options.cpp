#include "cli/tune_options.hpp"

#include <algorithm>
#include <map>

#include "cli/checks.hpp"
#include "cli/quantity.hpp"
#include "core/text.hpp"
#include "qi8/error.hpp"

namespace qi8::cli {
namespace {

const std::map<std::string, tune::Over> kOver = {
    {"most", tune::Over::kMost}, {"sum", tune::Over::kSum}, {"worst", tune::Over::kWorst}};

std::string NamesOfForms() {
  std::string list;
  for (const std::string& name : FormNames()) list += (list.empty() ? "" : ", ") + name;
  return list;
}

}  // namespace

void TuneGoalOptions::AddTo(CLI::App& app, tune::TuneOptions& options, const std::string& group) {
  app.add_option("--min-sqnr", options.goals.min_sqnr_db,
                 "The fastest plan whose worst output has at least this many decibels")
      ->type_name("X")
      ->group(group);
  app.add_option("--min-speedup", options.goals.min_speedup,
                 "The most exact plan that is at least this many times as fast as FP32")
      ->type_name("X")
      ->group(group);
  app.add_option("--max-latency", options.goals.max_latency,
                 "The most exact plan whose runs take no longer than this, such as 2.5s or 80ms")
      ->transform(InSeconds())
      ->type_name("TIME")
      ->group(group);
  app.add_option("--max-size", options.goals.max_size, "Largest size of the output, such as 500MB")
      ->transform(InBytes())
      ->type_name("SIZE")
      ->group(group);
  OneOf(app.add_option("--for", over_,
                       "What --min-sqnr holds for: most = all cases together and each but one in ten, sum = "
                       "all together, worst = each"),
        {"most", "sum", "worst"})
      ->capture_default_str()
      ->group(group);
  app.add_option("--forms", forms_, "Forms to choose from, besides float32 [per-token,residual]")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("LIST")
      ->group(group);
  app.add_flag("--batch-dependent", batch_dependent_,
               "Also per-tensor, with which a result depends on what else is in the batch")
      ->group(group);
}

void TuneGoalOptions::Finish(tune::TuneOptions& options) const {
  options.goals.over = kOver.at(over_);
  const auto require_positive = [](const std::optional<double>& value, const std::string& option) {
    if (value && *value <= 0) throw Error(ErrorKind::kUsage, option + " must be above 0");
  };
  require_positive(options.goals.min_sqnr_db, "--min-sqnr");
  require_positive(options.goals.min_speedup, "--min-speedup");
  require_positive(options.goals.max_latency, "--max-latency");
  if (!forms_.empty()) options.forms.clear();
  for (const std::string& name : forms_) {
    const auto form = ParseForm(name);
    if (!form) {
      throw Error(ErrorKind::kUsage,
                  "--forms: " + Quote(name) + " is not a form; forms are " + NamesOfForms());
    }
    if (form->kind == FormKind::kPerTensor && !batch_dependent_) {
      throw Error(ErrorKind::kUsage,
                  "--forms: with per-tensor a result depends on what else is in the batch; add "
                  "--batch-dependent if that does not matter");
    }
    options.forms.push_back(*form);
  }
  const Form per_tensor = {FormKind::kPerTensor};
  if (batch_dependent_ && std::ranges::find(options.forms, per_tensor) == options.forms.end()) {
    options.forms.insert(options.forms.begin(), per_tensor);
  }
}

}  // namespace qi8::cli
