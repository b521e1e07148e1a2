#include "cli/command_quantize.hpp"

#include <map>
#include <memory>
#include <utility>

#include "app/quantize.hpp"
#include "cli/checks.hpp"
#include "cli/config_file.hpp"
#include "cli/console.hpp"
#include "cli/model_path.hpp"
#include "cli/option_text.hpp"
#include "io/file_system.hpp"
#include "plan/report_text.hpp"
#include "qi8/error.hpp"
#include "runtime/model_optimizer.hpp"
#include "tune/input_rounder.hpp"
#include "tune/plan_text.hpp"

namespace qi8::cli {
namespace {

const std::map<std::string, Optimization> kOptimizations = {
    {"none", Optimization::kOff}, {"basic", Optimization::kBasic}, {"extended", Optimization::kExtended}};

}  // namespace

void CommandQuantize::SetUp(CLI::App& app) {
  AddConfigOption(app);
  app.add_option("INPUT", options_.input, "FP32 model (.onnx), or the folder of one; it is never changed")
      ->required();
  app.add_option("OUTPUT", options_.output, "INT8 model to write; its weights go to OUTPUT.data beside it")
      ->required();

  selection_.AddTo(app, options_);

  const std::string before = "Before quantizing";
  app.add_option("--expect-input", options_.expected_input,
                 "SHA-256 that INPUT must have, else nothing is written; plans of tune give it")
      ->check(IsSha256())
      ->type_name("SHA256")
      ->group(before);
  OneOf(app.add_option(
            "--optimize", optimize_,
            "Let ONNX Runtime optimize the model first: basic folds constants, extended fuses operators too"),
        {"none", "basic", "extended"})
      ->capture_default_str()
      ->group(before);
  AddOnnxRuntimeOption(app, onnxruntime_, before);

  const std::string rounding = "Rounding: choose codes by what products are given (FP32 on ONNX Runtime)";
  OneOf(app.add_option("--rounding", rounding_,
                       "nearest: each code is the one nearest to its number; learned: codes that make the "
                       "products more exact on --inputs, at the same size and speed [nearest; learned with "
                       "--inputs and a goal for tuning]"),
        {"nearest", "learned"})
      ->group(rounding);

  const std::string tuning = "Tuning: measure the forms of products on ONNX Runtime, and choose";
  goals_.AddTo(app, tuning_, tuning);
  inputs_.AddTo(app, tuning_, "What the model is run with, for rounding and tuning");
  AddTimeoutOption(app, tuning_, tuning);

  const std::string output = "What is written";
  app.add_flag("-f,--force", options_.replace_output, "Replace the output of an earlier run")->group(output);
  app.add_option("--data-file", options_.data_file,
                 "Name of the file with the weights, beside OUTPUT [OUTPUT.data]")
      ->type_name("NAME")
      ->group(output);
  app.add_flag("--allow-empty", options_.allow_empty, "Write an output even where nothing is quantized")
      ->group(output);
  app.add_option("--checksums", options_.checksum_file,
                 "Checksum file, for sha256sum -c; lines of other files in it are kept [OUTPUT.sha256]")
      ->type_name("FILE")
      ->group(output);
  app.add_option("--audit-log", options_.audit_log,
                 "Log to append a record to [quantization_log.jsonl beside OUTPUT]")
      ->type_name("FILE")
      ->group(output);

  const std::string shown = "What is shown";
  app.add_flag("-n,--dry-run", options_.dry_run, "Write nothing; print the plan and the exact sizes")
      ->group(shown);
  app.add_flag("--json", json_, "Print plan and result as JSON")->group(shown);
  AddProgressOption(app, progress_, shown);
  OneOf(app.add_option("--log-level", log_level_, "What is said on standard error"),
        {"debug", "info", "warn", "error", "off"})
      ->capture_default_str()
      ->group(shown);
  app.add_flag("-q,--quiet", quiet_, "Only errors; the same as --log-level error --progress never")
      ->group(shown);

  const std::string resources = "How";
  app.add_flag(
         "--no-input-checksum", no_input_checksum_,
         "Do not compute the SHA-256 of the input; faster, and the output does not say what it came from")
      ->group(resources);
  AddFollowLinksOption(app, options_.links, resources);
  AddResourceOptions(app, options_.threads, options_.isa, options_.memory_budget, resources);
  app.footer(
      "Examples:\n"
      "  quantize-int8 model.onnx model_int8.onnx\n"
      "  quantize-int8 model.onnx model_int8.onnx --dry-run\n"
      "  quantize-int8 model.onnx model_int8.onnx --exclude '/lm_head/' --force\n"
      "  quantize-int8 model.onnx model_int8.onnx --min-sqnr 30 --inputs recorded\n"
      "\n"
      "Exit status: 0 done, 1 failed, 2 wrong usage, 3 nothing to quantize,\n"
      "4 a check did not hold, 128 + N ended by signal N (130: Ctrl-C).");
}

std::string CommandQuantize::LogLevel() const { return quiet_ ? "error" : log_level_; }

// What the FP32 model is run on.
void CommandQuantize::SetUpRuns() {
  static_cast<compare::RuntimeOptions&>(tuning_).links = options_.links;
  tuning_.threads = options_.threads;
  tuning_.onnxruntime = onnxruntime_;
  tuning_.worker = {"/proc/self/exe", "compare-worker"};
  tuning_.model = options_.input;
  tuning_.selection = options_.selection;
}

// The forms are those that reach the goals: measured on the very model that is then written.
std::optional<Rounded> CommandQuantize::Tune(Observer& observer) {
  const auto refuse = [](const std::string& why) {
    throw Error(ErrorKind::kUsage, "--min-sqnr, --min-speedup, --max-latency and --max-size " + why);
  };
  if (selection_.has_forms()) refuse("choose the forms; leave --form and --node-form out");
  if (options_.optimize != Optimization::kOff) {
    refuse("choose forms for the nodes of INPUT; write the optimized model first and tune that");
  }
  tuning_.rounding = rounding_.empty() ? std::nullopt : std::optional(options_.rounding);
  tune::Tuning tuning = tune::Tune(*MakePosixFileSystem(options_.links), tuning_, observer);
  options_.selection.node_forms = tuning.node_forms;
  options_.expected_input = tuning.model_sha256;
  if (!quiet_ && !json_) PrintMessage(tune::TuningText(tuning_, tuning) + "\n");
  return std::move(tuning.rounded);
}

ExitStatus CommandQuantize::Run() {
  selection_.Finish(options_);
  options_.input = ModelAt(options_.input);
  options_.hash_inputs = !no_input_checksum_;
  options_.optimize = kOptimizations.at(optimize_);
  runtime::ModelOptimizer optimizer(onnxruntime_);
  const auto logger = MakeLogger(LogLevel());
  RunReport run;
  {
    ConsoleObserver observer(logger, quiet_ ? ProgressMode::kNever : kProgressModes.at(progress_));
    CatchSignals();
    goals_.Finish(tuning_);
    inputs_.Finish(tuning_);
    options_.rounding = rounding_ == "learned" ? Rounding::kLearned : Rounding::kNearest;
    SetUpRuns();
    const auto file_system = MakePosixFileSystem(options_.links);
    std::unique_ptr<Rounder> rounder;
    if (tuning_.goals.any()) {
      std::optional<Rounded> rounded = Tune(observer);
      if (rounded) {
        options_.rounding = Rounding::kLearned;
        rounder = std::make_unique<KnownRounder>(*std::move(rounded));
      }
    } else if (options_.rounding == Rounding::kLearned) {
      rounder = std::make_unique<tune::InputRounder>(*file_system, tuning_, observer);
    }
    run = Quantize(*file_system, options_, observer, &optimizer, rounder.get());
  }
  if (json_) {
    PrintResult(RunJson(run));
  } else if (options_.dry_run) {
    PrintResult(PlanTable(run.plan));
  }
  if (!FlushResult() && run.outcome == Outcome::kDone) {
    logger->warn("nobody read standard output to its end; the files are whole all the same");
  }
  if (run.outcome == Outcome::kNothingQuantized) {
    logger->error(
        "nothing to quantize in {}: {}. Nothing was written; --allow-empty writes a copy all the same",
        options_.input.native(), WhyNothing(run.plan));
    if (logger->should_log(spdlog::level::err)) PrintMessage(SkipTable(run.plan) + Advice(run.plan));
    return kNothingQuantized;
  }
  if (run.outcome == Outcome::kDone && logger->should_log(spdlog::level::info)) {
    PrintMessage(Summary(run));
  }
  return kDone;
}

}  // namespace qi8::cli
