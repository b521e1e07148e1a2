// New contents for a file that exists, such as a configuration that people wrote.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "io/file_system.hpp"

namespace qi8 {

// The new contents are staged beside the file, with its mode and, where the system allows it, its owner;
// Publish renames them over it. So a reader gets the old file or the new one, whole. Where the path is a
// link, the file that it leads to is replaced. Without Publish, the destructor removes what was staged.
class FileReplacement {
 public:
  // `read` is the identity of the file when it was read.
  FileReplacement(FileSystem& file_system, const std::filesystem::path& path, const FileIdentity& read,
                  std::string_view text);
  ~FileReplacement();
  FileReplacement(const FileReplacement&) = delete;
  FileReplacement& operator=(const FileReplacement&) = delete;

  // Throws Error where the file is no longer the one that was read.
  void Publish();

 private:
  // What has the name now, which has to be the file that was read.
  [[nodiscard]] EntryStatus Unchanged();

  std::filesystem::path target_;
  std::unique_ptr<Folder> folder_;
  std::string name_;
  std::string staged_;
  FileIdentity read_;
  bool published_ = false;
};

}  // namespace qi8
