// quantize-int8 tune MODEL.onnx PLAN.toml
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.hpp"
#include "cli/tune_options.hpp"
#include "tune/tune.hpp"

namespace qi8::cli {

class CommandTune final : public Command {
 public:
  void SetUp(CLI::App& app) override;
  [[nodiscard]] ExitStatus Run() override;

 private:
  tune::TuneOptions options_;
  TuneGoalOptions goals_;
  ModelInputOptions inputs_;
  std::filesystem::path plan_;
  std::optional<std::filesystem::path> report_;
  std::string rounding_ = "nearest";
  std::string weight_type_ = "int8";
  std::string progress_ = "auto";
  bool json_ = false;
  bool quiet_ = false;
};

}  // namespace qi8::cli
