// quantize-int8 rollback CONFIG
#pragma once

#include "cli/command.hpp"
#include "qi8/rollout.hpp"

namespace qi8::cli {

class CommandRollback final : public Command {
 public:
  void SetUp(CLI::App& app) override;
  [[nodiscard]] ExitStatus Run() override;

 private:
  ConfigPlace place_;
};

}  // namespace qi8::cli
