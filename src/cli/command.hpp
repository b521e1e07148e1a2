// What every command of the program is to main.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/exit_status.hpp"

namespace qi8::cli {

// Made for one call of the program. SetUp declares options and opens nothing; Run does the work and throws
// qi8::Error.
class Command {
 public:
  virtual ~Command() = default;
  virtual void SetUp(CLI::App& app) = 0;
  [[nodiscard]] virtual ExitStatus Run() = 0;
};

}  // namespace qi8::cli
