#include "exec/comparing_file.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace qi8 {
namespace {

constexpr std::size_t kPieceBytes = 256U << 10U;

}  // namespace

ComparingFile::ComparingFile(const ReadableFile& file, OnDifference on_difference)
    : file_(file), size_(file.Identity().size), on_difference_(std::move(on_difference)) {}

void ComparingFile::WriteAt(std::uint64_t offset, std::span<const std::byte> bytes) {
  std::uint64_t first = UINT64_MAX;
  std::uint64_t last = 0;
  const std::uint64_t there = offset < size_ ? std::min<std::uint64_t>(size_ - offset, bytes.size()) : 0;
  buffer_.resize(std::max(buffer_.size(), std::min<std::size_t>(kPieceBytes, there)));
  for (std::uint64_t at = 0; at < there;) {
    const std::size_t count = std::min<std::size_t>(buffer_.size(), there - at);
    file_.ReadAt(offset + at, std::span(buffer_).first(count));
    if (std::memcmp(buffer_.data(), bytes.data() + at, count) != 0) {
      for (std::size_t i = 0; i < count; ++i) {
        if (buffer_[i] == bytes[at + i]) continue;
        first = std::min(first, at + i);
        last = at + i;
      }
    }
    at += count;
  }
  if (there < bytes.size()) {
    first = std::min(first, there);
    last = bytes.size() - 1;
  }
  if (first != UINT64_MAX) on_difference_({offset + first, last - first + 1});
}

void ComparingFile::ReadAt(std::uint64_t offset, std::span<std::byte> into) const {
  const std::uint64_t there = offset < size_ ? std::min<std::uint64_t>(size_ - offset, into.size()) : 0;
  if (there > 0) file_.ReadAt(offset, into.first(there));
  std::ranges::fill(into.subspan(there), std::byte{0});
}

}  // namespace qi8
