#include "compare/report.hpp"
#include "core/text.hpp"

namespace qi8::compare {
namespace {

// Of the outputs, so that many sets of inputs do not drown the table above them.
constexpr std::size_t kMostOutputs = 20;

std::string VerdictOf(const Row& row) {
  if (!row.limit) return "";
  return row.limit->holds ? "pass" : "FAIL";
}

std::string OutputTable(const Comparison& comparison) {
  std::vector<std::vector<std::string>> rows = {
      {"OUTPUT", "INPUTS", "SQNR", "COSINE", "LARGEST DIFFERENCE", "TOP-1"}};
  std::size_t outputs = 0;
  for (const CaseResult& one : comparison.cases) {
    for (const OutputResult& output : one.outputs) {
      if (++outputs > kMostOutputs) continue;
      rows.push_back({Plain(output.name), Plain(one.label),
                      output.sqnr_db ? FormatDecibels(*output.sqnr_db) : "",
                      output.cosine ? FormatCosine(*output.cosine) : "", FormatNumber(output.max_difference),
                      output.top1 ? FormatShare(*output.top1) : ""});
    }
  }
  if (outputs < 2) return "";
  std::string text = "\n" + FormatTable(rows);
  if (outputs > kMostOutputs) {
    text += "and " + FormatCount(outputs - kMostOutputs) + " more; --json and --report have all\n";
  }
  return text;
}

}  // namespace

std::string ReportText(const Comparison& comparison, const Judgement& judgement) {
  std::vector<std::vector<std::string>> rows = {{"", "FP32", "INT8", "CHANGE", "LIMIT", "VERDICT"}};
  for (const Row& row : judgement.rows) {
    rows.push_back(
        {Plain(row.what), row.fp32, row.int8, row.change, row.limit ? row.limit->text : "", VerdictOf(row)});
  }
  std::string text = FormatTable(rows) + OutputTable(comparison);
  switch (judgement.verdict()) {
    case Verdict::kNoLimits:
      text += "\nno limits were given, so there is no verdict; see --help\n";
      break;
    case Verdict::kPass:
      text += "\npass: all limits hold, " + FormatCount(judgement.limits()) + " checked\n";
      break;
    case Verdict::kFail:
      text += "\nFAIL: " + FormatCount(judgement.failed()) + " of " + FormatCount(judgement.limits()) +
              " limits do not hold\n";
      break;
  }
  return text;
}

}  // namespace qi8::compare
