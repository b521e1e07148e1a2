// quantize-int8 rollout CONFIG --model INT8.onnx
#pragma once

#include "cli/command.hpp"
#include "qi8/rollout.hpp"

namespace qi8::cli {

// Options that rollout and rollback share.
void AddConfigPlace(CLI::App& app, ConfigPlace& place);

// Shows what was changed, or would be.
void ShowChange(const ConfigPlace& place, const ConfigChange& change);

class CommandRollout final : public Command {
 public:
  void SetUp(CLI::App& app) override;
  [[nodiscard]] ExitStatus Run() override;

 private:
  RolloutOptions options_;
};

}  // namespace qi8::cli
