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
      {"OUTPUT", "INPUTS", "SQNR", "WORST OF", "COSINE", "LARGEST DIFFERENCE", "TOP-1"}};
  std::size_t outputs = 0;
  std::size_t outputs_with_sets = 0;
  for (const CaseResult& one : comparison.cases) {
    for (std::size_t i = 0; i < one.outputs.size(); ++i) {
      const OutputResult& output = one.outputs[i];
      outputs_with_sets += one.sets.empty() ? 0 : 1;
      if (++outputs > kMostOutputs) continue;
      rows.push_back({Plain(output.name), Plain(one.label),
                      output.sqnr_db ? FormatDecibels(*output.sqnr_db) : "",
                      one.sets.empty() ? "" : FormatCount(one.sets.size()) + ": " + Plain(WorstSet(one, i)),
                      output.cosine ? FormatCosine(*output.cosine) : "", FormatNumber(output.max_difference),
                      output.top1 ? FormatShare(*output.top1) : ""});
    }
  }
  if (outputs < 2 && outputs_with_sets == 0) return "";
  if (outputs_with_sets == 0) {
    constexpr std::ptrdiff_t kWorstOf = 3;
    for (auto& row : rows) row.erase(row.begin() + kWorstOf);
  }
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
  text += "\ninputs: " + comparison.inputs_from + "\n";
  for (const std::string& note : comparison.notes) text += "note: " + note + "\n";
  const bool has_failed = judgement.verdict() == Verdict::kFail;
  const bool has_passed = judgement.verdict() == Verdict::kPass;
  text += (has_failed ? "FAIL: " : has_passed ? "pass: " : "") + judgement.Summary() + "\n";
  return text;
}

}  // namespace qi8::compare
