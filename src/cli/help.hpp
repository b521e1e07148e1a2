// What --help prints.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <utility>
#include <vector>

namespace qi8::cli {

// Name and summary.
using HelpEntry = std::pair<std::string, std::string>;

// Fits a terminal of 80 columns: long descriptions are broken, defaults stand in brackets behind them.
class HelpFormatter final : public CLI::Formatter {
 public:
  // `commands`: listed where there are any.
  explicit HelpFormatter(std::vector<HelpEntry> commands) : commands_(std::move(commands)) {}

  [[nodiscard]] std::string make_help(const CLI::App* app, std::string name,
                                      CLI::AppFormatMode mode) const override;

 private:
  std::vector<HelpEntry> commands_;
};

}  // namespace qi8::cli
