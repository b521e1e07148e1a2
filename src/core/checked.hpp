// Sums and products of sizes that come from files: an overflow is an answer, never a wrong number.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace qi8 {

[[nodiscard]] constexpr std::optional<std::uint64_t> CheckedAdd(std::uint64_t a, std::uint64_t b) {
  std::uint64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

[[nodiscard]] constexpr std::optional<std::uint64_t> CheckedMultiply(std::uint64_t a, std::uint64_t b) {
  std::uint64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

// The number of elements of a tensor of these dimensions: 1 for a scalar, nothing where a dimension is
// negative or the product of the others does not fit 63 bits.
[[nodiscard]] constexpr std::optional<std::uint64_t> ElementCount(std::span<const std::int64_t> dims) {
  bool empty = false;
  std::uint64_t count = 1;
  for (const std::int64_t dim : dims) {
    if (dim < 0) return std::nullopt;
    if (dim == 0) {
      empty = true;
      continue;
    }
    const auto product = CheckedMultiply(count, static_cast<std::uint64_t>(dim));
    if (!product || *product > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
    count = *product;
  }
  return empty ? 0 : count;
}

[[nodiscard]] constexpr std::uint64_t AlignUp(std::uint64_t value, std::uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

[[nodiscard]] constexpr std::uint64_t DivideUp(std::uint64_t value, std::uint64_t divisor) {
  return value / divisor + (value % divisor != 0 ? 1 : 0);
}

}  // namespace qi8
