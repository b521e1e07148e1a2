// quantize-int8 INPUT.onnx OUTPUT.onnx
#pragma once

#include <optional>
#include <string>

#include "cli/command.hpp"
#include "cli/shared_options.hpp"
#include "cli/tune_options.hpp"
#include "qi8/options.hpp"
#include "qi8/report.hpp"

namespace qi8::cli {

class CommandQuantize final : public Command {
 public:
  void SetUp(CLI::App& app) override;
  [[nodiscard]] ExitStatus Run() override;

 private:
  [[nodiscard]] std::string LogLevel() const;
  void SetUpRuns();
  [[nodiscard]] std::optional<Rounded> Tune(Observer& observer);

  QuantizeOptions options_;
  SelectionOptions selection_;
  tune::TuneOptions tuning_;
  TuneGoalOptions goals_;
  ModelInputOptions inputs_;
  std::string optimize_ = "none";
  std::string rounding_;  // empty: not said
  std::string onnxruntime_;
  std::string progress_ = "auto";
  std::string log_level_ = "info";
  bool quiet_ = false;
  bool json_ = false;
  bool no_input_checksum_ = false;
};

}  // namespace qi8::cli
