// What a plan is to reach: options of tune and of the main command.
#pragma once

#include <string>
#include <vector>

#include "cli/command.hpp"
#include "cli/model_input_options.hpp"
#include "tune/tune.hpp"

namespace qi8::cli {

// --min-sqnr, --min-speedup, --max-latency, --max-size, --for, --forms, --batch-dependent
class TuneGoalOptions {
 public:
  // Both live until the command line is read.
  void AddTo(CLI::App& app, tune::TuneOptions& options, const std::string& group);

  // Turns what was read as words into values. Throws Error of kind kUsage where options contradict each
  // other.
  void Finish(tune::TuneOptions& options) const;

 private:
  std::vector<std::string> forms_;
  std::string over_ = "most";
  bool batch_dependent_ = false;
};

}  // namespace qi8::cli
