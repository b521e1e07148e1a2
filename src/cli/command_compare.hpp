// quantize-int8 compare FP32.onnx INT8.onnx
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.hpp"
#include "compare/comparison.hpp"

namespace qi8::cli {

class CommandCompare final : public Command {
 public:
  void SetUp(CLI::App& app) override;
  [[nodiscard]] ExitStatus Run() override;

 private:
  compare::CompareOptions options_;
  std::vector<std::string> dims_;
  std::vector<std::string> values_;
  std::string lengths_;
  std::optional<std::filesystem::path> report_;
  std::optional<unsigned> most_sets_;
  bool require_inputs_ = false;
  bool json_ = false;
  bool quiet_ = false;
};

}  // namespace qi8::cli
