// Any bytes as an audit log: they are read to their end. A log that was written in a chain, and is then
// changed anywhere, never passes for whole.
#include <vector>

#include "audit/audit_log.hpp"
#include "audit/audit_reader.hpp"
#include "audit/record_seal.hpp"
#include "fuzz/fuzz_target.hpp"
#include "hash/sha256.hpp"
#include "qi8/error.hpp"

namespace {

using qi8::testing::FuzzInput;
using qi8::testing::Require;

bool IsIntact(const std::string& bytes) {
  const auto file = qi8::MakeMemoryFile("log", bytes);
  std::uint64_t lines = 0;
  const qi8::AuditCheck check = qi8::CheckAuditLog(*file, [&](const qi8::AuditedRun& run) {
    Require(run.line > lines, "lines come in their order");
    lines = run.line;
    Require(run.json.find('\n') == std::string_view::npos, "a line is one line");
  });
  Require(check.lines >= lines, "every line counts");
  Require(check.problems.size() <= qi8::kMostAuditProblems, "problems are listed up to a bound");
  Require(check.problem_count >= check.problems.size(), "and all counted");
  return check.intact();
}

// Records with texts of the input in them, each after the other.
std::string WriteLog(FuzzInput& input) {
  std::string log;
  std::string previous;
  for (std::size_t records = input.TakeBelow(4) + 1; records > 0; --records) {
    std::string user;
    for (const char c : input.TakeText()) {
      if (c >= ' ' && c < 127 && c != '"' && c != '\\') user += c;
    }
    const std::string line = qi8::SealRecord("{\"schema\":" + std::to_string(qi8::kAuditSchema) +
                                             ",\"previous\":\"" + previous + "\",\"user\":\"" + user + "\"}");
    previous = qi8::Sha256::HexOf(line);
    log += line + "\n";
  }
  return log;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  try {
    if (input.TakeBool()) {
      IsIntact(std::string(input.TakeRest()));
      return 0;
    }
    std::string log = WriteLog(input);
    Require(IsIntact(log), "what was written in a chain is whole");
    const std::size_t position = input.Take<std::uint32_t>() % log.size();
    const char byte = input.Take<char>();
    if (log[position] == byte) return 0;
    log[position] = byte;
    Require(!IsIntact(log), "what was changed is not");
  } catch (const qi8::Error&) {
    // A line that is longer than records are.
  }
  return 0;
}
