// A file that has its final name only when it is whole.
#pragma once

#include <filesystem>
#include <memory>

#include "io/file_system.hpp"

namespace qi8 {

// Written as ".<name>.<process>.qi8-staged" in the folder of its destination, so that publishing is a rename
// within one file system. Whatever ends the run before Publish, the destructor removes it.
class StagedFile {
 public:
  StagedFile(FileSystem& file_system, std::filesystem::path destination);
  ~StagedFile();
  StagedFile(const StagedFile&) = delete;
  StagedFile& operator=(const StagedFile&) = delete;

  [[nodiscard]] WritableFile& file() { return *file_; }
  [[nodiscard]] const std::filesystem::path& destination() const { return destination_; }

  // Syncs and closes; after this the bytes are safe, though not under their name.
  void Finish();

  // Renames to the destination, replacing what is there. Only after Finish.
  void Publish();

 private:
  FileSystem& file_system_;
  std::filesystem::path destination_;
  std::filesystem::path staged_path_;
  std::unique_ptr<WritableFile> file_;
  bool published_ = false;
};

}  // namespace qi8
