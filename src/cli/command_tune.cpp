#include "cli/command_tune.hpp"

#include "cli/checks.hpp"
#include "cli/console.hpp"
#include "cli/model_path.hpp"
#include "cli/shared_options.hpp"
#include "cli/text_output.hpp"
#include "io/file_system.hpp"
#include "tune/plan_text.hpp"
#include "tune/report_html.hpp"

namespace qi8::cli {

void CommandTune::SetUp(CLI::App& app) {
  app.add_option("MODEL", options_.model, "FP32 model (.onnx), or the folder of one; it is never changed")
      ->required();
  app.add_option("PLAN", plan_,
                 "Configuration file (TOML) to write; an earlier plan is replaced, nothing else")
      ->required();
  goals_.AddTo(app, options_, "What the plan is to reach [the knee of what can be had]");
  inputs_.AddTo(app, options_, "What the model is run with");
  AddRuntimeOptions(app, options_, "How it is measured");
  OneOf(app.add_option("--rounding", rounding_,
                       "learned: measure forms with codes learned from three of four cases; the plan then "
                       "takes the same inputs each time"),
        {"nearest", "learned"})
      ->capture_default_str()
      ->group("How it is measured");
  AddWeightTypeOption(app, weight_type_, "How it is measured");
  const std::string shown = "What is shown";
  app.add_flag("--json", json_, "Print everything measured as JSON")->group(shown);
  app.add_option("--report", report_,
                 "Write a page with charts (HTML); an earlier report is replaced, nothing else")
      ->type_name("FILE")
      ->group(shown);
  AddProgressOption(app, progress_, shown);
  app.add_flag("-q,--quiet", quiet_, "Only errors")->group(shown);
  app.footer(
      "Each product's noise is measured at the outputs of the FP32 model, in each form.\n"
      "The noise of several products adds up, so the cheapest form of each that keeps\n"
      "the sum below a target can be chosen. The plan is then written out, run and\n"
      "measured. It makes the main command no slower, and the same bytes every time.\n"
      "\n"
      "Examples:\n"
      "  quantize-int8 tune model.onnx plan.toml --inputs recorded\n"
      "  quantize-int8 tune model.onnx plan.toml --inputs recorded --min-sqnr 30\n"
      "  quantize-int8 model.onnx model_int8.onnx --config plan.toml\n"
      "\n"
      "Exit status: 0 done, 1 failed, 2 wrong usage, 4 no plan reaches the target,\n"
      "128 + N ended by signal N (130: Ctrl-C). Where it is not 0, nothing is written.");
}

ExitStatus CommandTune::Run() {
  inputs_.Finish(options_);
  goals_.Finish(options_);
  options_.rounding = rounding_ == "learned" ? Rounding::kLearned : Rounding::kNearest;
  options_.selection.scheme.type = kWeightTypes.at(weight_type_);
  options_.model = ModelAt(options_.model);
  options_.worker = {"/proc/self/exe", "compare-worker"};
  const auto file_system = MakePosixFileSystem(options_.links);
  const TextOutput output{.path = plan_,
                          .argument = "PLAN",
                          .mark = tune::kPlanMark,
                          .kind = "plan that tune wrote",
                          .inputs = {options_.model}};
  CheckTextOutput(*file_system, output);
  TextOutput report{.path = {},
                    .argument = "--report",
                    .mark = tune::kReportMark,
                    .kind = "report that tune wrote",
                    .inputs = {options_.model}};
  if (report_) {
    report.path = *report_;
    CheckTextOutput(*file_system, report);
  }
  const tune::Tuning tuning = [&] {
    ConsoleObserver observer(MakeLogger(quiet_ ? "error" : "info"),
                             quiet_ ? ProgressMode::kNever : kProgressModes.at(progress_));
    CatchSignals();
    return tune::Tune(*file_system, options_, observer);
  }();
  WriteTextOutput(*file_system, output, tune::PlanText(options_, tuning));
  if (report_) WriteTextOutput(*file_system, report, tune::ReportHtml(options_, tuning));
  if (!quiet_ || json_) {
    PrintResult(json_ ? tune::TuningJson(options_, tuning) : tune::TuningText(options_, tuning));
    FlushResult();
  }
  return kDone;
}

}  // namespace qi8::cli
