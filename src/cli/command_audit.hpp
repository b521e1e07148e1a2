// quantize-int8 audit LOG
#pragma once

#include <filesystem>

#include "cli/command.hpp"

namespace qi8::cli {

class CommandAudit final : public Command {
 public:
  void SetUp(CLI::App& app) override;
  [[nodiscard]] ExitStatus Run() override;

 private:
  std::filesystem::path log_;
  bool json_ = false;
};

}  // namespace qi8::cli
