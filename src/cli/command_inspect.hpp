// quantize-int8 inspect MODEL
#pragma once

#include <cstdint>
#include <string>

#include "cli/command.hpp"
#include "cli/shared_options.hpp"
#include "qi8/options.hpp"

namespace qi8::cli {

class CommandInspect final : public Command {
 public:
  void SetUp(CLI::App& app) override;
  [[nodiscard]] ExitStatus Run() override;

 private:
  QuantizeOptions options_;  // what of them decides on the plan
  SelectionOptions selection_;
  std::uint64_t top_ = 10;
  bool read_weights_ = false;
  bool json_ = false;
  std::string progress_ = "auto";
};

}  // namespace qi8::cli
