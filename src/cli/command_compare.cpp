#include "cli/command_compare.hpp"

#include "cli/checks.hpp"
#include "cli/console.hpp"
#include "cli/quantity.hpp"
#include "cli/text_output.hpp"
#include "compare/compare.hpp"
#include "compare/report.hpp"
#include "core/text.hpp"
#include "io/file_system.hpp"
#include "qi8/error.hpp"

namespace qi8::cli {
namespace {

TextOutput ReportAt(const std::filesystem::path& path, const compare::CompareOptions& options) {
  return {.path = path,
          .argument = "--report",
          .mark = compare::kReportMark,
          .kind = "report that compare wrote",
          .inputs = {options.fp32, options.int8}};
}

}  // namespace

void CommandCompare::SetUp(CLI::App& app) {
  app.add_option("FP32", options_.fp32, "Model to compare with")->required()->type_name("FILE");
  app.add_option("INT8", options_.int8, "Model that was made from it")->required()->type_name("FILE");

  inputs_.AddTo(app, options_, "What they are run with");

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
  AddRuntimeOptions(app, options_, measuring);

  const std::string limits = "What must hold (status 4 where it does not)";
  app.add_option("--min-sqnr", options_.limits.min_sqnr_db, "Of each output, in decibels")
      ->type_name("X")
      ->group(limits);
  app.add_option("--min-cosine", options_.limits.min_cosine, "Of each output, up to 1")
      ->type_name("X")
      ->group(limits);
  app.add_option("--min-top1", options_.limits.min_top1,
                 "Share of places whose largest class stays the same, such as 98% or 0.98")
      ->transform(AsShare())
      ->type_name("SHARE")
      ->group(limits);
  app.add_option("--max-latency-p50", options_.limits.max_latency_p50,
                 "Median time of a run, such as 2.5s or 80ms")
      ->transform(InSeconds())
      ->type_name("TIME")
      ->group(limits);
  app.add_option("--min-speedup", options_.limits.min_speedup, "FP32 median over INT8 median, such as 3")
      ->type_name("X")
      ->group(limits);
  app.add_option("--max-rss", options_.limits.max_rss, "Peak resident memory, such as 1.5GB")
      ->transform(InBytes())
      ->type_name("SIZE")
      ->group(limits);
  app.add_option("--max-size-ratio", options_.limits.max_size_ratio,
                 "Size of the INT8 files over that of the FP32 files, such as 0.3")
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
  inputs_.Finish(options_);
  options_.worker = {"/proc/self/exe", "compare-worker"};
  const auto file_system = MakePosixFileSystem(options_.links);
  if (report_) CheckTextOutput(*file_system, ReportAt(*report_, options_));
  ConsoleObserver observer(MakeLogger(quiet_ ? "error" : "info"), ProgressMode::kNever);
  CatchSignals();
  const compare::Comparison comparison = compare::Compare(*file_system, options_, observer);
  const compare::Judgement judgement = compare::Judge(comparison, options_.limits);
  if (report_) {
    WriteTextOutput(*file_system, ReportAt(*report_, options_),
                    compare::ReportHtml(options_, comparison, judgement));
  }
  if (!quiet_) {
    PrintResult(json_ ? compare::ReportJson(options_, comparison, judgement)
                      : compare::ReportText(comparison, judgement));
    FlushResult();
  }
  return judgement.verdict() == compare::Verdict::kFail ? kCheckFailed : kDone;
}

}  // namespace qi8::cli
