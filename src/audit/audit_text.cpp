#include "audit/audit_text.hpp"

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/text.hpp"

namespace qi8 {
namespace {

struct Column {
  const char* title;
  std::size_t width;
};
// Of the widest that is usual: a time, a user, "quantize", "nothing-quantized", a minute.
constexpr std::array<Column, 5> kColumns = {
    {{"TIME", 20}, {"USER", 10}, {"COMMAND", 8}, {"STATUS", 17}, {"SECONDS", 7}}};

std::string Row(const std::array<std::string, kColumns.size()>& cells, const std::string& last) {
  std::string row;
  for (std::size_t c = 0; c < cells.size(); ++c) {
    row += cells.at(c);
    if (cells.at(c).size() < kColumns.at(c).width) row.append(kColumns.at(c).width - cells.at(c).size(), ' ');
    row += "  ";
  }
  return row + last + "\n";
}

std::string Seconds(double seconds) {
  std::array<char, 400> text{};
  std::snprintf(text.data(), text.size(), "%.2f", seconds);
  return text.data();
}

}  // namespace

std::string AuditTableHeader() {
  std::array<std::string, kColumns.size()> titles;
  for (std::size_t c = 0; c < titles.size(); ++c) titles.at(c) = kColumns.at(c).title;
  return Row(titles, "INPUT -> OUTPUT");
}

std::string AuditTableRow(const AuditedRun& run) {
  return Row({Plain(run.time), Plain(run.user), Plain(run.command), Plain(run.status), Seconds(run.seconds)},
             Plain(run.input) + (run.output.empty() ? "" : " -> " + Plain(run.output)));
}

std::string AuditJson::Start() { return "{\"records\": ["; }

std::string AuditJson::Record(const AuditedRun& run) {
  const std::string separator = is_first_ ? "\n" : ",\n";
  is_first_ = false;
  return separator + std::string(run.json);
}

std::string AuditJson::End(const AuditCheck& check) {
  auto problems = nlohmann::ordered_json::array();
  for (const AuditProblem& problem : check.problems) {
    problems.push_back({{"line", problem.line}, {"problem", problem.what}});
  }
  return "\n],\n\"lines\": " + std::to_string(check.lines) +
         ",\n\"intact\": " + (check.intact() ? "true" : "false") + ",\n\"problems\": " + problems.dump() +
         "}\n";
}

}  // namespace qi8
