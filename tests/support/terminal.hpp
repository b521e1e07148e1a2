// A program on a terminal of its own, such as a shell that a person types into.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace qi8::testing {

class Terminal {
 public:
  // Runs `argv` on a new terminal of 200 columns. Throws where it cannot.
  explicit Terminal(const std::vector<std::string>& argv);
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void Type(const std::string& keys) const;

  // Reads until `text` has appeared since the last call, and gives what was shown until then, without
  // colours; whatever came after ten seconds without it.
  [[nodiscard]] std::string WaitFor(const std::string& text);

 private:
  int terminal_ = -1;
  pid_t child_ = -1;
  std::string shown_;
};

}  // namespace qi8::testing
