// Reading the audit log that runs leave, and checking that nobody changed it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "qi8/error.hpp"

namespace qi8 {

// What a line of the log says, as far as it can be read.
struct AuditedRun {
  std::uint64_t line = 0;  // from 1
  std::string time;        // ISO 8601, UTC
  std::string user;
  std::string host;
  std::string command;
  std::string status;
  std::string error;
  std::string input;   // the first of them; empty: none
  std::string output;  // likewise
  double seconds = 0;
  std::string_view json;  // the line itself, one JSON object; lives as long as the call that shows it
};

struct AuditProblem {
  std::uint64_t line = 0;
  std::string what;
};

struct AuditCheck {
  std::uint64_t lines = 0;
  std::uint64_t problem_count = 0;
  std::vector<AuditProblem> problems;  // the first of them, at most kMostAuditProblems

  [[nodiscard]] bool intact() const { return problem_count == 0; }
};

inline constexpr std::size_t kMostAuditProblems = 100;

// Reads the log line by line, in memory that its size does not change, and calls `visit` for every line that
// is a JSON object, also for one that was changed. A line is as it was written where the hash in it is that
// of the rest of it, and stands where it was written where it names the hash of the line before it. So lines
// that were changed, removed, added or moved show, with one exception: that lines at the very end were
// removed can not be seen from the log. Hashes are no signature: who can rewrite the whole log can make one
// that holds. Throws Error where the file cannot be read or a line is longer than 16 MiB.
[[nodiscard]] AuditCheck CheckAuditLog(const std::filesystem::path& log,
                                       const std::function<void(const AuditedRun&)>& visit);

}  // namespace qi8
