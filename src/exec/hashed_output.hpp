// An output file and the SHA-256 of its bytes, made while they are written.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "core/byte_range.hpp"
#include "hash/sha256.hpp"
#include "io/file_system.hpp"

namespace qi8 {

// Writes may come in any order. Those that continue where hashing stands are hashed on the way; what was
// written elsewhere is read back when hashing gets there. So a file written from front to back costs no
// reading at all.
class HashedOutput {
 public:
  // Claims the space; every byte is zero until it is written.
  HashedOutput(WritableFile& file, std::uint64_t size);

  void Write(std::uint64_t offset, std::span<const std::byte> bytes);

  // Writes a piece too small to keep account of; call MarkWritten once the whole range is done.
  void WritePiece(std::uint64_t offset, std::span<const std::byte> bytes) { file_.WriteAt(offset, bytes); }

  // Declares the range final: WritePiece has written its bytes, or they stay zero.
  void MarkWritten(ByteRange range);

  // The SHA-256 of the whole file. Throws std::logic_error where a byte was neither written nor marked.
  [[nodiscard]] std::string Finish();

  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  void HashWhatFollows();

  WritableFile& file_;
  std::uint64_t size_;
  std::uint64_t hashed_ = 0;                      // bytes from the front
  std::uint64_t written_back_ = 0;                // bytes from the front that the disk was told to take
  std::map<std::uint64_t, std::uint64_t> ahead_;  // offset and length of what was written beyond them
  Sha256 hash_;
};

}  // namespace qi8
