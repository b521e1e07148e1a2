// The audit log: a JSON object a line, each with the SHA-256 of the line before it and of itself.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "io/file_system.hpp"
#include "qi8/report.hpp"

namespace qi8 {

inline constexpr int kAuditSchema = 1;

// Longer lines, line feed included, are neither written nor read.
inline constexpr std::size_t kMostAuditLineBytes = 16ULL << 20U;

// One run.
struct AuditRecord {
  std::string command;  // "quantize", "rollout", "rollback"
  std::string status;   // "done", "failed", "interrupted", "nothing-quantized"
  std::string error;    // the message, where it failed
  std::vector<std::pair<std::string, std::string>> libraries;  // name and version
  std::string isa;                                             // instruction set of the kernels
  std::string
      options_json;  // one JSON object: the options in force; empty where the command computes nothing
  std::string config_json = {};  // one JSON object: what changed in a configuration; empty where nothing did
  RunReport run;
};

// Appends the record under a lock, so that runs at the same time keep lines whole and the chain intact.
// Throws Error where the log cannot be written, where the file exists and is not an audit log, and, of kind
// kInterrupted, where `should_stop` (which may be empty) says so while another process has the lock.
void AppendAuditRecord(FileSystem& file_system, const LogPlace& log, const AuditRecord& record,
                       const std::function<bool()>& should_stop = {});

}  // namespace qi8
