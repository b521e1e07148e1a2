// The one exception type that the library throws.
#pragma once

#include <stdexcept>
#include <string>

namespace qi8 {

// What kind of thing went wrong. A caller decides on this; the text is for people.
enum class ErrorKind {
  kFailure,       // I/O, a full disk, a weight that cannot be quantized
  kInvalidModel,  // a model that is not what a model must be
  kUsage,         // options that cannot be meant
  kCheckFailed,   // something that was to be proved does not hold
  kInterrupted,   // the caller asked to stop
};

// The name of the kind for programs: in JSON, and as `kind` of Python's exception.
[[nodiscard]] constexpr const char* NameOf(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kFailure:
      break;
    case ErrorKind::kInvalidModel:
      return "invalid-model";
    case ErrorKind::kUsage:
      return "usage";
    case ErrorKind::kCheckFailed:
      return "check-failed";
    case ErrorKind::kInterrupted:
      return "interrupted";
  }
  return "failure";
}

// `what()` is one message made of where it happened, what was wrong and, after "; ", what to do about it.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}

  [[nodiscard]] ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
};

}  // namespace qi8
