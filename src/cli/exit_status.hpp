// The exit statuses: part of the contract, scripts decide on them.
#pragma once

#include "qi8/error.hpp"

namespace qi8::cli {

enum ExitStatus : int {
  kDone = 0,
  kFailed = 1,
  kUsage = 2,
  kNothingQuantized = 3,
  kCheckFailed = 4,
  kKilledBySignal = 128,  // and its number
  kInterrupted = 130,     // SIGINT
};

[[nodiscard]] constexpr ExitStatus StatusFor(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kUsage:
      return kUsage;
    case ErrorKind::kCheckFailed:
      return kCheckFailed;
    case ErrorKind::kInterrupted:
      return kInterrupted;
    default:
      return kFailed;
  }
}

}  // namespace qi8::cli
