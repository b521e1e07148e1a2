// What the audit log says of models and configurations.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "io/file_system.hpp"
#include "rollout/model_files.hpp"
#include "rollout/yaml_section.hpp"

namespace qi8 {

using YamlValues = std::map<std::string, YamlValue>;  // by key; offsets are not recorded

// A model that was made from another.
struct RecordedQuantization {
  std::vector<RecordedFile> inputs;
  std::vector<RecordedFile> outputs;
};

// A section that was changed.
struct RecordedRollout {
  std::string time;
  std::vector<RecordedFile> inputs;   // of the FP32 model
  std::vector<RecordedFile> outputs;  // of the INT8 model
  YamlValues before;
  YamlValues after;
};

// The last run that wrote a model with this SHA-256. Throws Error where the log cannot be read or was
// changed.
[[nodiscard]] std::optional<RecordedQuantization> FindQuantization(FileSystem& file_system,
                                                                   const std::filesystem::path& log,
                                                                   const std::string& sha256);

// The last rollout of this section of this file (an absolute path). Throws Error likewise.
[[nodiscard]] std::optional<RecordedRollout> FindRollout(FileSystem& file_system,
                                                         const std::filesystem::path& log,
                                                         const std::filesystem::path& config,
                                                         const std::string& section);

// The member "config" of a record, as FindRollout reads it: one JSON object. Throws Error where the values
// are not UTF-8.
[[nodiscard]] std::string ConfigJson(const std::filesystem::path& config, const std::string& section,
                                     const YamlValues& before, const YamlValues& after);

}  // namespace qi8
