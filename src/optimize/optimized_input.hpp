// The model to quantize as an optimizer rewrote it.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "io/file_system.hpp"
#include "io/staging_folder.hpp"
#include "model/model.hpp"
#include "qi8/optimizer.hpp"

namespace qi8 {

struct Optimizing {
  Optimizer& optimizer;
  Optimization level = Optimization::kBasic;
  std::filesystem::path beside;  // the INT8 model
  bool hash_source = true;
  std::function<bool()> should_stop;
};

// Lies in a folder of its own, ".<INT8 model>.qi8-optimized" beside the INT8 model, which goes with this. One
// that a killed run left is cleared first.
class OptimizedInput {
 public:
  // `source` is the model as the user gave it. Throws Error where another run has the folder, where a file of
  // the source changed meanwhile, and what the optimizer throws. An optimizer that has begun is not
  // interrupted.
  OptimizedInput(FileSystem& file_system, Model source, const Optimizing& how);
  ~OptimizedInput();
  OptimizedInput(const OptimizedInput&) = delete;
  OptimizedInput& operator=(const OptimizedInput&) = delete;

  [[nodiscard]] const Model& source() const { return source_; }

  // SHA-256 of the source's files; none where they were not wanted.
  [[nodiscard]] const std::vector<std::string>& source_hashes() const { return source_hashes_; }

  // The model as it was rewritten. It may be read as long as this lives. Throws Error where it is not a valid
  // one.
  [[nodiscard]] Model Load() const;

 private:
  void HashSource(const std::function<bool()>& should_stop);
  void RequireUnchangedSource() const;
  void RequireOwnLeftovers();
  void Clear();
  void Remove() noexcept;

  FileSystem& file_system_;
  Model source_;
  std::vector<std::string> source_hashes_;
  std::unique_ptr<Folder> beside_;  // the folder of the INT8 model
  std::unique_ptr<StagingFolder> staging_;
  std::filesystem::path model_;
};

}  // namespace qi8
