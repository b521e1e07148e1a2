#include "cli/command_verify.hpp"

#include "cli/console.hpp"
#include "cli/shared_options.hpp"
#include "io/file_system.hpp"
#include "runtime/model_optimizer.hpp"
#include "tune/input_rounder.hpp"
#include "verify/verify.hpp"
#include "verify/verify_text.hpp"

namespace qi8::cli {

void CommandVerify::SetUp(CLI::App& app) {
  app.add_option("MODEL", options_.model, "INT8 model (.onnx) that quantize-int8 wrote")
      ->required()
      ->type_name("FILE");
  app.add_option("--against", options_.against,
                 "FP32 model that it was made from: make every tensor again and compare, bit for bit")
      ->type_name("FILE");
  auto* checksums = app.add_option("--checksums", options_.checksum_file, "Checksum file [MODEL.sha256]")
                        ->type_name("FILE");
  app.add_flag("--no-checksums", no_checksums_, "Go without a checksum file")->excludes(checksums);

  AddOnnxRuntimeOption(app, onnxruntime_,
                       "For a model that was optimized, or whose rounding was learned (--against)");
  inputs_.AddTo(app, learned_from_, "What learned rounding was learned from, to learn it again (--against)");
  const std::string shown = "What is shown";
  app.add_flag("--json", json_, "Print the report as JSON")->group(shown);
  app.add_flag("-q,--quiet", quiet_, "Print nothing but errors; the status tells")->group(shown);
  AddProgressOption(app, progress_, shown);
  AddFollowLinksOption(app, options_.links, "How");
  AddResourceOptions(app, options_.threads, options_.isa, options_.memory_budget, "How");
  app.footer(
      "Prints a line for each check. With --against, the model is made again from the\n"
      "FP32 one and every bit compared; without, its files are checked against their\n"
      "checksums, and the model for consistency.\n"
      "\n"
      "Examples:\n"
      "  quantize-int8 verify model_int8.onnx\n"
      "  quantize-int8 verify model_int8.onnx --against model.onnx\n"
      "\n"
      "Exit status: 0 every check holds, 1 something cannot be read, 2 wrong usage,\n"
      "4 a check does not hold, 128 + N ended by signal N (130: Ctrl-C).");
}

ExitStatus CommandVerify::Run() {
  options_.use_checksums = !no_checksums_;
  VerifyReport report;
  {
    ConsoleObserver observer(MakeLogger(quiet_ ? "error" : "info"),
                             quiet_ ? ProgressMode::kNever : kProgressModes.at(progress_));
    CatchSignals();
    runtime::ModelOptimizer optimizer(onnxruntime_);
    inputs_.Finish(learned_from_);
    learned_from_.model = options_.against.value_or("");
    learned_from_.links = options_.links;
    learned_from_.onnxruntime = onnxruntime_;
    learned_from_.threads = options_.threads;
    learned_from_.worker = {"/proc/self/exe", "compare-worker"};
    const auto file_system = MakePosixFileSystem(options_.links);
    tune::InputRounder rounder(*file_system, learned_from_, observer);
    report = Verify(*file_system, options_, observer, &optimizer,
                    learned_from_.inputs.empty() ? nullptr : &rounder);
  }
  if (json_) PrintResult(VerifyJson(report));
  if (!json_ && !quiet_) PrintResult(VerifyTable(report));
  FlushResult();
  return report.holds() ? kDone : kCheckFailed;
}

}  // namespace qi8::cli
