// Files of several arrays, as numpy.savez and numpy.savez_compressed write them: a zip archive of .npy files.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "io/file_system.hpp"
#include "runtime/tensor.hpp"

namespace qi8::compare {

// Every function throws Error naming the file, the array where it is one's, and what is wrong: an archive
// may be made to do harm, so sizes are bounded before memory is taken, and checksums checked.
class NpzFile {
 public:
  NpzFile(FileSystem& file_system, const std::filesystem::path& path);
  ~NpzFile();
  NpzFile(const NpzFile&) = delete;
  NpzFile& operator=(const NpzFile&) = delete;

  // The names of the arrays, in the order of the archive.
  [[nodiscard]] const std::vector<std::string>& names() const;

  // The array at this place in names().
  [[nodiscard]] runtime::Tensor Read(std::size_t index);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace qi8::compare
