// Options of the commands that run models: what with, and on what.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/command.hpp"
#include "compare/comparison.hpp"

namespace qi8::cli {

// --inputs, --cases, --mask, --require-inputs, --dim, --lengths, --values, --seed
class ModelInputOptions {
 public:
  // Both live until the command line is read.
  void AddTo(CLI::App& app, compare::InputOptions& options, const std::string& group);

  // Turns what was read as words into values. Throws Error of kind kUsage where options contradict each
  // other.
  void Finish(compare::InputOptions& options) const;

 private:
  std::vector<std::string> dims_;
  std::vector<std::string> values_;
  std::string lengths_;
  std::optional<unsigned> most_sets_;
  bool require_inputs_ = false;
};

// --timeout
void AddTimeoutOption(CLI::App& app, compare::RuntimeOptions& options, const std::string& group);

// --threads, --timeout, --onnxruntime, --follow-links
void AddRuntimeOptions(CLI::App& app, compare::RuntimeOptions& options, const std::string& group);

}  // namespace qi8::cli
