// A file in memory that counts what is asked of it.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "io/file_system.hpp"

namespace qi8::testing {

class CountingFile final : public WritableFile {
 public:
  void WriteAt(std::uint64_t offset, std::span<const std::byte> bytes) override {
    ASSERT_LE(offset + bytes.size(), contents.size());
    std::memcpy(contents.data() + offset, bytes.data(), bytes.size());
    ++writes;
  }
  void ReadAt(std::uint64_t offset, std::span<std::byte> into) const override {
    std::memcpy(into.data(), contents.data() + offset, into.size());
    bytes_read += into.size();
  }
  void Reserve(std::uint64_t size) override { contents.resize(size, '\0'); }
  void StartWriteBack(std::uint64_t, std::uint64_t length) override { written_back += length; }
  void Sync() override {}
  void Close() override {}

  std::string contents;
  int writes = 0;
  mutable std::uint64_t bytes_read = 0;
  std::uint64_t written_back = 0;
};

}  // namespace qi8::testing
