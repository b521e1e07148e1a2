// Pointing a pipeline's configuration at an INT8 model, and back at the FP32 model that it came from.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "qi8/error.hpp"
#include "qi8/observer.hpp"

namespace qi8 {

// Where the values are: a section (a mapping) of a YAML file that has the key model_path, and name and
// max_memory_mb where the pipeline knows these.
struct ConfigPlace {
  std::filesystem::path config;
  // The section's key, with those above it before dots where the key alone is not the only one of its name:
  // "models.audio_omni".
  std::string section = "audio_omni";
  // The folder that relative model paths, in the file and in options, start from: where the pipeline runs.
  // Empty: the current one.
  std::filesystem::path root;
  // The log that quantizing wrote. Default: quantization_log.jsonl beside the INT8 model.
  std::optional<std::filesystem::path> audit_log;
  bool dry_run = false;  // check everything, write nothing
};

struct RolloutOptions {
  ConfigPlace place;
  std::string model;  // model_path to set, as it is to stand there
  // Only where the section has them; else to ask for one is an error of kind kFailure.
  std::optional<std::string> name;             // default: the name that is there, and "-INT8"
  std::optional<std::uint64_t> max_memory_mb;  // default: RolloutMemoryMb
};

// The values, as YAML says them; nothing where the section has no such key.
struct ModelSettings {
  std::optional<std::string> name;
  std::string model_path;
  std::optional<std::string> max_memory_mb;

  friend bool operator==(const ModelSettings&, const ModelSettings&) = default;
};

struct ConfigChange {
  std::string section;  // in full: "models.audio_omni"
  ModelSettings before;
  ModelSettings after;
  std::string diff;       // unified, for `patch`
  std::string audit_log;  // path of the log with the record
};

// Megabytes to allow a process for a model of `bytes`, data included: its size and 100 MB for a run, rounded
// up to whole hundreds. 4400 for 4.3 GB, 1200 for 1.08 GB.
[[nodiscard]] std::uint64_t RolloutMemoryMb(std::uint64_t bytes);

// Sets model_path, and name and max_memory_mb where they are there, to those of the INT8 model; every other
// byte of the file stays. Before that it proves that the way back is open: the log is intact and records how
// the INT8 model was made, its files are as they were written, and the model that the section names now is
// the one that it was made from, unchanged. Throws Error of kind kCheckFailed where anything of this does not
// hold, kFailure where the file is not YAML that can be edited safely; the file is then as it was. Appends a
// record to the log before the file changes.
ConfigChange Rollout(const RolloutOptions& options, Observer& observer);

// Undoes the last Rollout of the section: puts back what stood there, byte for byte, after proving that the
// section has what that Rollout wrote and that the FP32 model's files are what they were. Errors as above.
ConfigChange Rollback(const ConfigPlace& place, Observer& observer);

}  // namespace qi8
