// A file that nothing is written to: what would be written is compared with what is there.
#pragma once

#include <functional>
#include <vector>

#include "core/byte_range.hpp"
#include "io/file_system.hpp"

namespace qi8 {

// Called for a write that found other bytes, or none, in the file: from the first of them to the last.
using OnDifference = std::function<void(ByteRange)>;

class ComparingFile final : public WritableFile {
 public:
  // `file` outlives it.
  ComparingFile(const ReadableFile& file, OnDifference on_difference);

  void WriteAt(std::uint64_t offset, std::span<const std::byte> bytes) override;

  // What the file has; zeros beyond its end.
  void ReadAt(std::uint64_t offset, std::span<std::byte> into) const override;

  void Reserve(std::uint64_t) override {}
  void StartWriteBack(std::uint64_t, std::uint64_t) override {}
  void Sync() override {}
  void Close() override {}

 private:
  const ReadableFile& file_;
  std::uint64_t size_;
  OnDifference on_difference_;
  std::vector<std::byte> buffer_;
};

}  // namespace qi8
