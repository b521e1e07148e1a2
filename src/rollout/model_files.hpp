// A model's files, against what the audit log says of them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "io/file_system.hpp"

namespace qi8 {

struct RecordedFile {
  std::string path;  // as it was when it was recorded
  std::uint64_t bytes = 0;
  std::string sha256;  // empty: was not computed
};

// `recorded` is a model and then its data files; they may have moved since, all together. Throws Error
// (kCheckFailed) where one of them is gone or is not what it was.
void RequireUnchanged(FileSystem& file_system, const std::filesystem::path& model,
                      const std::vector<RecordedFile>& recorded, const std::function<bool()>& should_stop);

}  // namespace qi8
