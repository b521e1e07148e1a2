// A folder for files that nobody else sees and that are gone with it.
#pragma once

#include <filesystem>
#include <memory>

#include "io/file_system.hpp"

namespace qi8 {

// Lies where the system keeps what is temporary (TMPDIR, else /tmp), and only its owner may read it.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(FileSystem& file_system);
  ~TemporaryFolder();  // removes it and all that is in it
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] Folder& folder() const { return *folder_; }

 private:
  std::filesystem::path path_;
  std::unique_ptr<Folder> folder_;
};

}  // namespace qi8
