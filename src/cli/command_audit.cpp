#include "cli/command_audit.hpp"

#include <utility>

#include "audit/audit_text.hpp"
#include "cli/console.hpp"
#include "core/text.hpp"
#include "qi8/audit.hpp"

namespace qi8::cli {
namespace {

// The most lines with problems that are shown: in a file that is not a log, every line is one.
constexpr std::size_t kMostShown = 10;

}  // namespace

void CommandAudit::SetUp(CLI::App& app) {
  app.add_option("LOG", log_, "Audit log (quantization_log.jsonl)")->required()->type_name("FILE");
  app.add_flag("--json", json_, "Print the records and the result of the check as JSON");
  app.footer(
      "Prints a line for each run and checks that no line was changed, removed, added\n"
      "or moved. That lines at the very end were removed cannot be seen from the log.\n"
      "\n"
      "Examples:\n"
      "  quantize-int8 audit quantization_log.jsonl\n"
      "  quantize-int8 audit quantization_log.jsonl --json | jq '.records[-1].outputs'\n"
      "\n"
      "Exit status: 0 intact, 1 cannot be read, 2 wrong usage, 4 not as it was written.");
}

ExitStatus CommandAudit::Run() {
  // JSON is printed in one piece, so that a log that cannot be read to its end gives no half of an object.
  AuditJson json;
  std::string text = json_ ? AuditJson::Start() : AuditTableHeader();
  const AuditCheck check = CheckAuditLog(log_, [&](const AuditedRun& run) {
    text += json_ ? json.Record(run) : AuditTableRow(run);
    if (!json_) PrintResult(std::exchange(text, ""));
  });
  if (json_) text += AuditJson::End(check);
  PrintResult(text);
  FlushResult();
  const auto logger = MakeLogger("info");
  for (std::size_t i = 0; i < check.problems.size() && i < kMostShown; ++i) {
    logger->error("{}: line {}: {}", Plain(log_.native(), 200), check.problems[i].line,
                  check.problems[i].what);
  }
  if (check.problem_count > kMostShown) {
    logger->error("{}: and {} more lines", log_.native(), FormatCount(check.problem_count - kMostShown));
  }
  return check.intact() ? kDone : kCheckFailed;
}

}  // namespace qi8::cli
