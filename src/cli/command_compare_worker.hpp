// quantize-int8 compare-worker: the process that runs a model for compare. Not for people.
#pragma once

#include "cli/command.hpp"

namespace qi8::cli {

class CommandCompareWorker final : public Command {
 public:
  void SetUp(CLI::App& app) override;
  [[nodiscard]] ExitStatus Run() override;
};

}  // namespace qi8::cli
