// A piece of a file.
#pragma once

#include <compare>
#include <cstdint>

namespace qi8 {

// Bytes [offset, offset + length) of a file. Whoever makes one from untrusted numbers checks that end() does
// not overflow (core/checked.hpp).
struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;

  [[nodiscard]] constexpr std::uint64_t end() const { return offset + length; }
  [[nodiscard]] constexpr bool Within(std::uint64_t file_size) const {
    return offset <= file_size && length <= file_size - offset;
  }
  friend constexpr auto operator<=>(const ByteRange&, const ByteRange&) = default;
};

}  // namespace qi8
