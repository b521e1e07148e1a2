#include "cli/command_compare.hpp"

#include <charconv>
#include <cmath>
#include <map>

#include "cli/checks.hpp"
#include "cli/console.hpp"
#include "cli/quantity.hpp"
#include "cli/shared_options.hpp"
#include "compare/compare.hpp"
#include "compare/report.hpp"
#include "core/text.hpp"
#include "io/file_system.hpp"
#include "io/publication.hpp"
#include "qi8/error.hpp"

namespace qi8::cli {
namespace {

[[noreturn]] void FailUsage(const std::string& option, const std::string& given, const std::string& form) {
  throw Error(ErrorKind::kUsage, option + ": " + Quote(given) + " is not " + form);
}

template <typename T>
std::optional<T> Parse(std::string_view text) {
  T value{};
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

// Names may have any sign in them, so the value is what follows the last "=".
std::pair<std::string, std::string> SplitAtEquals(const std::string& text) {
  const auto equals = text.rfind('=');
  if (equals == std::string::npos) return {"", text};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

std::int64_t ParseDimension(const std::string& option, const std::string& text) {
  const auto value = Parse<std::int64_t>(text);
  if (!value || *value < 0) FailUsage(option, text, "a size of 0 or more");
  return *value;
}

std::map<std::string, std::int64_t> ParseDims(const std::vector<std::string>& given) {
  std::map<std::string, std::int64_t> dims;
  for (const std::string& text : given) {
    const auto [name, value] = SplitAtEquals(text);
    if (name.empty()) FailUsage("--dim", text, "of the form NAME=SIZE");
    dims[name] = ParseDimension("--dim", value);
  }
  return dims;
}

std::vector<std::string> SplitAtCommas(const std::string& list) {
  std::vector<std::string> parts;
  for (std::size_t start = 0; start <= list.size();) {
    const std::size_t end = std::min(list.find(',', start), list.size());
    parts.push_back(list.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

compare::Lengths ParseLengths(const std::string& given) {
  compare::Lengths lengths;
  if (given.empty()) return lengths;
  const auto [names, list] = SplitAtEquals(given);
  if (!names.empty()) {
    for (const std::string& name : SplitAtCommas(names)) lengths.dimensions.push_back(name);
  }
  for (const std::string& size : SplitAtCommas(list)) {
    lengths.values.push_back(ParseDimension("--lengths", size));
  }
  return lengths;
}

std::map<std::string, compare::ValueRange> ParseValues(const std::vector<std::string>& given) {
  std::map<std::string, compare::ValueRange> ranges;
  for (const std::string& text : given) {
    const auto [name, value] = SplitAtEquals(text);
    const auto colon = value.find("..");
    const auto low = Parse<double>(std::string_view(value).substr(0, std::min(colon, value.size())));
    const auto high =
        colon == std::string::npos ? low : Parse<double>(std::string_view(value).substr(colon + 2));
    if (name.empty() || !low || !high || !std::isfinite(*low) || !std::isfinite(*high) || *low > *high) {
      FailUsage("--values", text, "of the form INPUT=VALUE or INPUT=LOW..HIGH");
    }
    ranges[name] = {*low, *high};
  }
  return ranges;
}

// A report may replace a report, and nothing else: not what a person wrote, not a model, not what a link
// leads to.
void CheckReportPath(FileSystem& file_system, const std::filesystem::path& path,
                     const compare::CompareOptions& options) {
  const auto fail = [&path](const std::string& message) {
    throw Error(ErrorKind::kFailure, "--report: " + Quote(path.native()) + " " + message);
  };
  const std::filesystem::path folder = FolderOf(path);
  if (!file_system.IsFolder(folder)) {
    throw Error(ErrorKind::kFailure, "--report: there is no folder " + Quote(folder.native()));
  }
  if (file_system.OpenFolder(folder)->ReadLink(path.filename().native()))
    fail("is a symbolic link, which is not followed; name the file itself");
  const auto there = file_system.Identify(path);
  if (!there) return;
  for (const auto& model : {options.fp32, options.int8}) {
    const auto identity = file_system.Identify(model);
    if (identity && identity->SameFile(*there)) fail("is a model that is to be compared");
  }
  constexpr const char* kOther =
      "is there and is no report that compare wrote; choose another name or remove it";
  if (there->size < compare::kReportMark.size() || file_system.IsFolder(path)) fail(kOther);
  std::string start(compare::kReportMark.size(), '\0');
  file_system.OpenForReading(path)->ReadAt(0, std::as_writable_bytes(std::span(start)));
  if (start != compare::kReportMark) fail(kOther);
}

void WriteReport(FileSystem& file_system, const std::filesystem::path& path,
                 const compare::CompareOptions& options, const std::string& text) {
  Publication publication(file_system, path, Publication::IfTaken::kFail);
  CheckReportPath(file_system, path, options);  // again, as measuring took its time
  publication.Create(path).WriteAt(0, std::as_bytes(std::span(text)));
  publication.Publish(Publication::IfThere::kReplace);
}

}  // namespace

void CommandCompare::SetUp(CLI::App& app) {
  app.add_option("FP32", options_.fp32, "Model to compare with")->required()->type_name("FILE");
  app.add_option("INT8", options_.int8, "Model that was made from it")->required()->type_name("FILE");

  const std::string inputs = "What they are run with";
  app.add_option(
         "--inputs", options_.inputs,
         "Recorded inputs: a .npz file or a folder of them; a folder with input_0.pb or .npy and on, or "
         "files named after the inputs; or with folders test_data_set_0 and on of such [made up from "
         "the model's inputs]")
      ->type_name("PATH")
      ->group(inputs);
  app.add_option("--cases", most_sets_, "Of recorded inputs, only the first N sets")
      ->check(WholeNumber(1, 1000000000))
      ->type_name("N")
      ->group(inputs);
  app.add_flag("--require-inputs", require_inputs_, "Made-up inputs are wrong usage")->group(inputs);
  app.add_option("--dim", dims_,
                 "Size of a dynamic dimension, by its name or as INPUT:AXIS; repeatable [1 for the first, 0 "
                 "for a past, 64 for others]")
      ->allow_extra_args(false)
      ->type_name("NAME=N")
      ->group(inputs);
  app.add_option("--lengths", lengths_,
                 "Several sizes of a dimension, as 50,100,200 or time=50,100,200, or of several at once, as "
                 "time,total_time=50,100,200")
      ->type_name("LIST")
      ->group(inputs);
  app.add_option("--values", values_,
                 "Values of an input, as rate=16000 or codes=0..255; repeatable [signals; "
                 "rows of the table an integer indexes, else 1]")
      ->allow_extra_args(false)
      ->type_name("INPUT=V")
      ->group(inputs);
  app.add_option("--seed", options_.seed, "Other made-up inputs")
      ->type_name("N")
      ->capture_default_str()
      ->group(inputs);

  const std::string measuring = "How they are measured";
  app.add_option("--runs", options_.runs, "Timed runs of each, in turn")
      ->check(WholeNumber(1, 1000000))
      ->type_name("N")
      ->capture_default_str()
      ->group(measuring);
  app.add_option("--warmup", options_.warmup, "Runs of each before them")
      ->check(WholeNumber(0, 1000000))
      ->type_name("N")
      ->capture_default_str()
      ->group(measuring);
  app.add_option("--loads", options_.loads, "Timed loads of each")
      ->check(WholeNumber(1, 1000))
      ->type_name("N")
      ->capture_default_str()
      ->group(measuring);
  app.add_option("--threads", options_.threads, "Threads of each [as ONNX Runtime chooses]")
      ->check(WholeNumber(1, 1024))
      ->type_name("N")
      ->group(measuring);
  app.add_option("--timeout", options_.timeout_seconds,
                 "Longest time of a load or a run, as 90s or 80ms; 0: any")
      ->transform(InSeconds())
      ->type_name("TIME")
      ->default_str("600s")
      ->group(measuring);
  AddOnnxRuntimeOption(app, options_.onnxruntime, measuring);
  AddFollowLinksOption(app, options_.links, measuring);

  const std::string limits = "What must hold (status 4 where it does not)";
  app.add_option("--min-sqnr", options_.limits.min_sqnr_db, "Of each output, in decibels")
      ->type_name("X")
      ->group(limits);
  app.add_option("--min-cosine", options_.limits.min_cosine, "Of each output, up to 1")
      ->type_name("X")
      ->group(limits);
  app.add_option("--min-top1", options_.limits.min_top1,
                 "Share of places whose largest class stays the same, as 98% or 0.98")
      ->transform(AsShare())
      ->type_name("SHARE")
      ->group(limits);
  app.add_option("--max-latency-p50", options_.limits.max_latency_p50,
                 "Median time of a run, as 2.5s or 80ms")
      ->transform(InSeconds())
      ->type_name("TIME")
      ->group(limits);
  app.add_option("--min-speedup", options_.limits.min_speedup, "FP32 median over INT8 median, as 3")
      ->type_name("X")
      ->group(limits);
  app.add_option("--max-rss", options_.limits.max_rss, "Peak resident memory, as 1.5GB")
      ->transform(InBytes())
      ->type_name("SIZE")
      ->group(limits);
  app.add_option("--max-size-ratio", options_.limits.max_size_ratio, "INT8 files over FP32 files, as 0.3")
      ->type_name("X")
      ->group(limits);

  const std::string shown = "What is shown";
  app.add_flag("--json", json_, "Print everything measured as JSON")->group(shown);
  app.add_option("--report", report_,
                 "Write a page with charts (HTML); an earlier report is replaced, nothing else")
      ->type_name("FILE")
      ->group(shown);
  app.add_flag("-q,--quiet", quiet_, "Print nothing; the status tells")->group(shown);
  app.footer(
      "Each model is loaded and run in a process of its own. Of several inputs and\n"
      "outputs, the worst counts for a limit.\n"
      "\n"
      "Examples:\n"
      "  quantize-int8 compare model.onnx model_int8.onnx --lengths 50,100,200\n"
      "  quantize-int8 compare model.onnx model_int8.onnx --inputs recorded \\\n"
      "    --min-sqnr 20 --max-latency-p50 2.5s --max-rss 1.5GB --report report.html\n"
      "\n"
      "Exit status: 0 done and all limits hold, 1 failed, 2 wrong usage, 4 a limit does\n"
      "not hold.");
}

ExitStatus CommandCompare::Run() {
  const bool made_up_only = !dims_.empty() || !lengths_.empty() || !values_.empty();
  if (!options_.inputs.empty() && made_up_only) {
    throw Error(ErrorKind::kUsage, "--inputs gives the inputs; leave --dim, --lengths and --values out");
  }
  if (options_.inputs.empty() && require_inputs_) {
    throw Error(ErrorKind::kUsage,
                "--require-inputs: there are no --inputs, and made-up ones are not wanted");
  }
  if (options_.inputs.empty() && most_sets_) {
    throw Error(ErrorKind::kUsage,
                "--cases limits how many sets of recorded inputs are used; give them with --inputs");
  }
  if (most_sets_) options_.most_sets = *most_sets_;
  options_.dims = ParseDims(dims_);
  options_.lengths = ParseLengths(lengths_);
  options_.values = ParseValues(values_);
  options_.worker = {"/proc/self/exe", "compare-worker"};
  const auto file_system = MakePosixFileSystem(options_.links);
  if (report_) CheckReportPath(*file_system, *report_, options_);
  ConsoleObserver observer(MakeLogger(quiet_ ? "error" : "info"), ProgressMode::kNever);
  CatchSignals();
  const compare::Comparison comparison = compare::Compare(*file_system, options_, observer);
  const compare::Judgement judgement = compare::Judge(comparison, options_.limits);
  if (report_) {
    WriteReport(*file_system, *report_, options_, compare::ReportHtml(options_, comparison, judgement));
  }
  if (!quiet_) {
    PrintResult(json_ ? compare::ReportJson(options_, comparison, judgement)
                      : compare::ReportText(comparison, judgement));
    FlushResult();
  }
  return judgement.verdict() == compare::Verdict::kFail ? kCheckFailed : kDone;
}

}  // namespace qi8::cli
