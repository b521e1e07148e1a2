// What would fail later, found before anything is written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "io/file_system.hpp"
#include "model/model.hpp"
#include "qi8/options.hpp"

namespace qi8 {

// The files that a run writes.
struct OutputPaths {
  std::filesystem::path model;
  std::filesystem::path data;
  std::filesystem::path checksums;
  LogPlace audit_log;

  // How the model names its data file: they lie side by side.
  [[nodiscard]] std::string data_location() const { return data.filename().native(); }

  // Not the model's own checksum file but one that others may write to as well: it does not belong to the set
  // that changes with the model.
  [[nodiscard]] bool shares_checksums() const;
};

// Throws Error (kUsage) for a name of the data file that is none.
[[nodiscard]] OutputPaths PathsOf(const QuantizeOptions& options);

// Throws Error where the folder of an output is missing or not writable, where an output is a folder, where
// one would replace an input, under whatever name, and where two are one file.
void PreflightPlaces(FileSystem& file_system, const Model& model, const OutputPaths& paths);

// What depends on the state of the outputs, so only sure once they are claimed: throws Error where one exists
// and is not to be replaced, where one that is to be replaced was not written by this program, where one is a
// symbolic link, and where the disk does not have `bytes_needed` free.
void PreflightOutputs(FileSystem& file_system, const OutputPaths& paths, bool replace_output,
                      std::uint64_t bytes_needed);

}  // namespace qi8
