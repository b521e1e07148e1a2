// quantize-int8 compare FP32.onnx INT8.onnx
#pragma once

#include <filesystem>
#include <optional>

#include "cli/command.hpp"
#include "cli/model_input_options.hpp"
#include "compare/comparison.hpp"

namespace qi8::cli {

class CommandCompare final : public Command {
 public:
  void SetUp(CLI::App& app) override;
  [[nodiscard]] ExitStatus Run() override;

 private:
  compare::CompareOptions options_;
  ModelInputOptions inputs_;
  std::optional<std::filesystem::path> report_;
  bool json_ = false;
  bool quiet_ = false;
};

}  // namespace qi8::cli
