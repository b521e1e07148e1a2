// What a command prints in place of its result where it fails and JSON was asked for.
#pragma once

#include <string>

#include "qi8/error.hpp"

namespace qi8::cli {

// {"outcome": "failed" or "interrupted", "exit_status": N, "error": {"kind": ..., "message": ...}}, indented,
// with a line feed behind it. The kinds: failure, invalid-model, usage, check-failed, interrupted.
[[nodiscard]] std::string FailureJson(const std::string& message, ErrorKind kind, int exit_status);

}  // namespace qi8::cli
