// Options that several commands have: declared once, so that they mean the same everywhere.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cli/command.hpp"
#include "cli/console.hpp"
#include "qi8/options.hpp"

namespace qi8::cli {

extern const std::map<std::string, ProgressMode> kProgressModes;
extern const std::map<std::string, WeightType> kWeightTypes;

// What decides which weights are quantized, how, and where they go: `selection`, `keep_non_finite` and
// `external_data` of QuantizeOptions.
class SelectionOptions {
 public:
  // Both live until the command line is read.
  void AddTo(CLI::App& app, QuantizeOptions& options);

  // Turns what was read as words into values. After the command line is read.
  void Finish(QuantizeOptions& options) const;

  // Whether any form was asked for. After the command line is read.
  [[nodiscard]] bool has_forms() const { return !forms_.empty() || !node_forms_.empty(); }

 private:
  std::vector<std::string> forms_;
  std::vector<std::string> node_forms_;
  std::string target_ort_;
  std::string nonfinite_ = "keep";
  CLI::Option* nonfinite_option_ = nullptr;
  bool keep_nonfinite_ = true;  // by an older name
  std::string weight_type_ = "int8";
  std::string granularity_ = "channel";
  std::string external_data_ = "always";
};

// --weight-type, a key of kWeightTypes
void AddWeightTypeOption(CLI::App& app, std::string& weight_type, const std::string& group);

// --progress, a key of kProgressModes
void AddProgressOption(CLI::App& app, std::string& progress, const std::string& group);

// --follow-links
void AddFollowLinksOption(CLI::App& app, LinkPolicy& links, const std::string& group);

// --onnxruntime
void AddOnnxRuntimeOption(CLI::App& app, std::string& library, const std::string& group);

// --threads, --isa, --memory-budget
void AddResourceOptions(CLI::App& app, unsigned& threads, std::string& isa, std::uint64_t& memory_budget,
                        const std::string& group);

}  // namespace qi8::cli
