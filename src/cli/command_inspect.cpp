#include "cli/command_inspect.hpp"

#include "cli/console.hpp"
#include "cli/model_path.hpp"
#include "inspect/inspect_text.hpp"
#include "qi8/inspect.hpp"

namespace qi8::cli {

void CommandInspect::SetUp(CLI::App& app) {
  app.add_option("MODEL", options_.input, "ONNX model (.onnx), or the folder of one")
      ->required()
      ->type_name("FILE");
  const std::string shown = "What is shown";
  app.add_option("--top", top_, "How many of the largest weights")
      ->type_name("N")
      ->capture_default_str()
      ->group(shown);
  app.add_flag("--weights", read_weights_,
               "Read the weights: range, outliers, zero channels, error of the INT8 form")
      ->group(shown);
  app.add_flag("--json", json_, "Print all of it, with every weight, as JSON")->group(shown);
  AddProgressOption(app, progress_, shown);
  AddFollowLinksOption(app, options_.links, "How");
  selection_.AddTo(app, options_);
  app.footer(
      "Nothing but the graph is read without --weights, so a weight with a NaN or an\n"
      "infinity, which stays as it is, is then listed like any other. Outliers are\n"
      "numbers further than 6 standard deviations from the mean of their weight;\n"
      "PEAK/RMS is the largest magnitude over the root of the mean square; SQNR is that\n"
      "of the INT8 form.\n"
      "\n"
      "Examples:\n"
      "  quantize-int8 inspect model.onnx\n"
      "  quantize-int8 inspect model.onnx --weights --top 50\n"
      "  quantize-int8 inspect model.onnx --exclude '/lm_head/' --json\n"
      "\n"
      "Exit status: 0 done, 1 cannot be read, 2 wrong usage,\n"
      "128 + N ended by signal N (130: Ctrl-C).");
}

ExitStatus CommandInspect::Run() {
  selection_.Finish(options_);
  InspectReport report;
  {
    ConsoleObserver observer(MakeLogger("info"), kProgressModes.at(progress_));
    CatchSignals();
    report = Inspect({.model = ModelAt(options_.input),
                      .links = options_.links,
                      .selection = options_.selection,
                      .external_data = options_.external_data,
                      .keep_non_finite = options_.keep_non_finite,
                      .read_weights = read_weights_},
                     observer);
  }
  PrintResult(json_ ? InspectJson(report) : InspectText(report, top_));
  FlushResult();
  return kDone;
}

}  // namespace qi8::cli
