// quantize-int8 verify MODEL [--against FP32]
#pragma once

#include <string>

#include "cli/command.hpp"
#include "cli/model_input_options.hpp"
#include "qi8/verify.hpp"

namespace qi8::cli {

class CommandVerify final : public Command {
 public:
  void SetUp(CLI::App& app) override;
  [[nodiscard]] ExitStatus Run() override;

 private:
  VerifyOptions options_;
  compare::RunOptions learned_from_;
  ModelInputOptions inputs_;
  std::string onnxruntime_;
  bool no_checksums_ = false;
  bool json_ = false;
  bool quiet_ = false;
  std::string progress_ = "auto";
};

}  // namespace qi8::cli
