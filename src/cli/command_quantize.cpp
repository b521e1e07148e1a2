#include "cli/command_quantize.hpp"

#include <charconv>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>

#include "cli/config_file.hpp"
#include "cli/console.hpp"
#include "cli/option_text.hpp"
#include "plan/report_text.hpp"
#include "qi8/quantize.hpp"

namespace qi8::cli {
namespace {

const std::map<std::string, ExternalData> kExternalData = {
    {"always", ExternalData::kAlways}, {"auto", ExternalData::kAuto}, {"never", ExternalData::kNever}};
const std::map<std::string, WeightType> kWeightTypes = {{"int8", WeightType::kInt8},
                                                        {"uint8", WeightType::kUint8}};
const std::map<std::string, Granularity> kGranularities = {{"channel", Granularity::kChannel},
                                                           {"tensor", Granularity::kTensor}};
const std::map<std::string, ProgressMode> kProgress = {
    {"auto", ProgressMode::kAuto}, {"always", ProgressMode::kAlways}, {"never", ProgressMode::kNever}};

template <typename Map>
std::vector<std::string> Keys(const Map& map) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : map) keys.push_back(key);
  return keys;
}

// "1.24", with more behind it or without.
std::optional<TargetRuntime> ParseVersion(const std::string& text) {
  TargetRuntime version;
  const char* const end = text.data() + text.size();
  const auto major = std::from_chars(text.data(), end, version.major);
  if (major.ec != std::errc() || major.ptr == end || *major.ptr != '.') return std::nullopt;
  const auto minor = std::from_chars(major.ptr + 1, end, version.minor);
  if (minor.ec != std::errc() || (minor.ptr != end && *minor.ptr != '.')) return std::nullopt;
  return version;
}

// strtoull takes "-5" for a very large number.
CLI::Validator NotNegative() {
  return {
      [](const std::string& text) { return text.starts_with('-') ? text + " is negative" : std::string(); },
      ""};
}

CLI::Validator IsVersion() {
  return {[](const std::string& text) {
            return ParseVersion(text) ? std::string() : text + " is no version such as 1.24";
          },
          ""};
}

}  // namespace

void CommandQuantize::SetUp(CLI::App& app) {
  AddConfigOption(app);
  app.add_option("INPUT", options_.input, "FP32 model (.onnx); it is never changed")->required();
  app.add_option("OUTPUT", options_.output, "INT8 model to write; its weights go to OUTPUT.data beside it")
      ->required();

  const std::string selection = "What is quantized";
  app.add_option("--ops", options_.selection.ops, "Operators to quantize, separated by commas, or \"all\"")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("LIST")
      ->capture_default_str()
      ->group(selection);
  app.add_option(
         "--store-int8", options_.selection.store_int8,
         "Operators that compute as before from weights stored as INT8: Conv, ConvTranspose, LSTM, GRU, "
         "RNN, or \"all\"")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("LIST")
      ->group(selection);
  app.add_option("--include", options_.selection.include,
                 "Only nodes whose name this regular expression matches (anywhere in it); repeatable")
      ->allow_extra_args(false)
      ->type_name("RE")
      ->group(selection);
  app.add_option("--exclude", options_.selection.exclude, "Not the nodes whose name this matches; repeatable")
      ->allow_extra_args(false)
      ->type_name("RE")
      ->group(selection);
  app.add_option("--min-elements", options_.selection.min_elements, "Leave smaller weights alone")
      ->check(NotNegative())
      ->type_name("N")
      ->capture_default_str()
      ->group(selection);

  app.add_option("--matmul-const-b-only", options_.selection.matmul_const_b_only,
                 "false: also MatMuls of two activations, both quantized when the model runs")
      ->type_name("BOOL")
      ->default_str("true")
      ->group(selection);
  app.add_flag("--keep-nonfinite", options_.keep_non_finite,
               "Leave weights with a NaN or an infinity as they are; else they are an error")
      ->group(selection);
  app.add_option("--subgraphs", options_.selection.subgraphs, "Also in the bodies of If, Loop and Scan")
      ->type_name("BOOL")
      ->default_str("true")
      ->group(selection);
  app.add_flag("--override-inputs", options_.selection.override_inputs,
               "Also initializers that are graph inputs too; a caller can then not replace them any more")
      ->group(selection);

  const std::string scheme = "How numbers become codes";
  OneOf(app.add_option("--weight-type", weight_type_, "What the codes of weights are"), Keys(kWeightTypes))
      ->capture_default_str()
      ->group(scheme);
  app.add_flag("--symmetric,!--asymmetric", options_.selection.scheme.symmetric,
               "Zero is in the middle of the codes (the default), or the codes span just what a channel has")
      ->group(scheme);
  OneOf(app.add_option("--granularity", granularity_, "A scale for each channel, or one for each tensor"),
        Keys(kGranularities))
      ->capture_default_str()
      ->group(scheme);
  app.add_flag("--reduce-range", options_.selection.scheme.reduce_range,
               "Codes of 7 bits, for CPUs without VNNI, whose products of bytes saturate")
      ->group(scheme);

  app.add_option("--target-ort", target_ort_,
                 "Oldest ONNX Runtime to run it: Conv has int8 codes from 1.24 on, else uint8")
      ->check(IsVersion())
      ->type_name("VERSION")
      ->default_str("1.0")
      ->group(scheme);

  const std::string output = "What is written";
  OneOf(app.add_option("--external-data", external_data_,
                       "Weights beside the model; auto: inside it when below 1 GiB"),
        Keys(kExternalData))
      ->capture_default_str()
      ->group(output);
  app.add_flag("-f,--force", options_.replace_output, "Replace an existing output")->group(output);
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
  OneOf(app.add_option("--progress", progress_, "auto: on a terminal"), Keys(kProgress))
      ->capture_default_str()
      ->group(shown);
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
  app.add_option("--threads", options_.threads, "Threads [as many as the machine has]")
      ->check(CLI::Range(1U, 1024U))
      ->type_name("N")
      ->group(resources);
  app.add_option("--isa", options_.isa, "Instruction set, as avx2; the output is the same with each")
      ->type_name("NAME")
      ->capture_default_str()
      ->group(resources);
  app.add_option("--memory-budget", options_.memory_budget, "Memory for weights in flight, as 96MiB or 1GiB")
      ->transform(CLI::AsSizeValue(true))
      ->transform(NotNegative())  // runs before the one above
      ->type_name("SIZE")
      ->default_str("96MiB")
      ->group(resources);
  app.footer(
      "Examples:\n"
      "  quantize-int8 model.onnx model_int8.onnx\n"
      "  quantize-int8 model.onnx model_int8.onnx --dry-run\n"
      "  quantize-int8 model.onnx model_int8.onnx --exclude '/lm_head/' --force\n"
      "\n"
      "Exit status: 0 done, 1 failed, 2 wrong usage, 3 nothing to quantize,\n"
      "4 a check did not hold, 130 interrupted.");
}

std::string CommandQuantize::LogLevel() const { return quiet_ ? "error" : log_level_; }

ExitStatus CommandQuantize::Run() {
  options_.external_data = kExternalData.at(external_data_);
  options_.selection.scheme.type = kWeightTypes.at(weight_type_);
  if (!target_ort_.empty()) options_.selection.target = ParseVersion(target_ort_).value();
  options_.selection.granularity = kGranularities.at(granularity_);
  options_.hash_inputs = !no_input_checksum_;
  const auto logger = MakeLogger(LogLevel());
  RunReport run;
  {
    ConsoleObserver observer(logger, quiet_ ? ProgressMode::kNever : kProgress.at(progress_));
    CatchSignals();
    run = Quantize(options_, observer);
  }
  if (json_) {
    PrintResult(RunJson(run));
  } else if (options_.dry_run) {
    PrintResult(PlanTable(run.plan));
  }
  FlushResult();
  if (run.outcome == Outcome::kNothingQuantized) {
    const std::size_t before = run.plan.quantized_before;
    const std::string why =
        before == 0 ? "" : fmt::format(" ({} of its nodes are quantized already)", before);
    logger->error(
        "nothing to quantize in {}{}, so nothing was written; --allow-empty writes a copy all the same",
        options_.input.native(), why);
    if (logger->should_log(spdlog::level::err)) std::fputs(SkipTable(run.plan).c_str(), stderr);
    return kNothingQuantized;
  }
  if (run.outcome == Outcome::kDone && logger->should_log(spdlog::level::info)) {
    std::fputs(Summary(run).c_str(), stderr);
  }
  return kDone;
}

}  // namespace qi8::cli
