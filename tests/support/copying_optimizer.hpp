// An optimizer that finds nothing to do: it copies the model and all that lies beside it.
#pragma once

#include <functional>
#include <string>

#include "qi8/optimizer.hpp"
#include "support/memory_file_system.hpp"

namespace qi8::testing {

class CopyingOptimizer final : public Optimizer {
 public:
  explicit CopyingOptimizer(MemoryFileSystem& files) : files_(files) {}

  std::string Name() override { return name; }

  void Optimize(const std::filesystem::path& input, bool /*has_external_data*/, Optimization level,
                const std::filesystem::path& output) override {
    levels.push_back(level);
    const std::string folder = input.parent_path().native() + "/";
    for (const auto& [path, bytes] : files_.Listing()) {
      if (!path.starts_with(folder) || path.find('/', folder.size()) != std::string::npos) continue;
      const bool is_model = path == input.native();
      files_.Add((is_model ? output : output.parent_path() / path.substr(folder.size())).native(), bytes);
    }
    if (afterwards) afterwards();
  }

  std::string name = "Copier 1.0";
  std::vector<Optimization> levels;  // what it was asked for
  std::function<void()> afterwards;

 private:
  MemoryFileSystem& files_;
};

}  // namespace qi8::testing
