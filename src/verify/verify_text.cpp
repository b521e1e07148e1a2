#include "verify/verify_text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/text.hpp"

namespace qi8 {
namespace {

std::string NameOf(CheckOutcome outcome) {
  switch (outcome) {
    case CheckOutcome::kHolds:
      return "holds";
    case CheckOutcome::kFails:
      return "FAILS";
    default:
      return "-";
  }
}

std::string Identifier(CheckOutcome outcome) {
  switch (outcome) {
    case CheckOutcome::kHolds:
      return "holds";
    case CheckOutcome::kFails:
      return "fails";
    default:
      return "not-checked";
  }
}

std::string Number(const char* format, double number) {
  std::array<char, 400> text{};
  std::snprintf(text.data(), text.size(), format, number);
  return text.data();
}

// JSON has no infinity.
nlohmann::ordered_json JsonNumber(double number) {
  return std::isfinite(number) ? nlohmann::ordered_json(number) : nlohmann::ordered_json();
}

}  // namespace

std::string VerifyTable(const VerifyReport& report) {
  std::vector<std::vector<std::string>> rows;
  for (const Check& check : report.checks) {
    const std::string detail =
        (check.outcome == CheckOutcome::kNotChecked ? "not checked: " : "") + check.detail;
    rows.push_back({NameOf(check.outcome), check.name, Plain(detail, 200)});
  }
  std::string text;
  const std::string table = FormatTable(rows);
  std::size_t start = 0;
  for (const Check& check : report.checks) {
    const std::size_t end = table.find('\n', start) + 1;
    text += table.substr(start, end - start);
    start = end;
    for (const std::string& problem : check.problems) text += "         " + Plain(problem, 1000) + "\n";
    if (check.problem_count > check.problems.size()) {
      text += "         and " + FormatCount(check.problem_count - check.problems.size()) + " more\n";
    }
    if (!check.advice.empty()) text += "         " + Plain(check.advice, 1000) + "\n";
  }
  if (report.weights.empty()) return text;
  std::vector<WeightError> weights = report.weights;
  std::ranges::stable_sort(weights, {}, &WeightError::sqnr_db);
  std::vector<std::vector<std::string>> errors = {{"SQNR dB", "LARGEST ERROR", "SHAPE", "WEIGHT"}};
  for (const WeightError& weight : weights) {
    errors.push_back({Number("%.2f", weight.sqnr_db), Number("%.3g", weight.largest_error),
                      FormatShape(weight.shape), Plain(weight.weight)});
  }
  return text + "\n" + FormatTable(errors);
}

std::string VerifyJson(const VerifyReport& report) {
  auto checks = nlohmann::ordered_json::array();
  for (const Check& check : report.checks) {
    checks.push_back({{"check", check.name},
                      {"result", Identifier(check.outcome)},
                      {"detail", check.detail},
                      {"problems", check.problems},
                      {"problem_count", check.problem_count},
                      {"advice", check.advice}});
  }
  auto weights = nlohmann::ordered_json::array();
  for (const WeightError& weight : report.weights) {
    weights.push_back({{"weight", weight.weight},
                       {"shape", weight.shape},
                       {"sqnr_db", JsonNumber(weight.sqnr_db)},
                       {"largest_error", JsonNumber(weight.largest_error)}});
  }
  const nlohmann::ordered_json json{{"holds", report.holds()},
                                    {"checks", std::move(checks)},
                                    {"weights", std::move(weights)},
                                    {"seconds", report.seconds},
                                    {"peak_memory_bytes", report.peak_memory_bytes}};
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace qi8
