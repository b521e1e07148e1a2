// A file that has its final name only once it is complete.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace qi8::models {

// Writes to a temporary name in the same folder. Without publish(), the destructor removes it. Not buffered:
// hand it large pieces. Every function throws qi8::Error, with the file's final name in the message.
class OutputFile {
 public:
  explicit OutputFile(std::filesystem::path path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(std::span<const std::byte> bytes);
  // Closes the file: errors that the system reports late are seen here.
  void finish();
  // Gives a finished file its final name; a file that had it is replaced.
  void publish();

  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  [[noreturn]] void fail(const char* action, int error) const;

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace qi8::models
