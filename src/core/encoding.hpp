// The forms in which a weight is stored, and the tensors that each of them consists of.
#pragma once

#include <compare>
#include <cstdint>

#include "core/channel_shape.hpp"
#include "core/data_type.hpp"
#include "qi8/scheme.hpp"

namespace qi8 {

// The tensors that a stored weight consists of. Scales and zero points are numbered by (group, channel).
enum class WeightPart : std::uint8_t {
  kCodes,       // a number for each element of the weight
  kScales,      // float32
  kZeroPoints,  // of the type of the codes
  kSums,        // float32: the sum of what the codes of a (group, channel) stand for
};

enum class CodeFormat : std::uint8_t {
  kEightBits,  // scale * (code - zero point), by the scheme
  kFloat16,    // the number itself, rounded to the nearest; it has no scale
};

// How the numbers of a weight become codes. Two weights of the same bytes and the same encoding have the same
// codes.
struct Encoding {
  ChannelShape shape;  // of the tensor as it is stored in the input
  Scheme scheme = {};
  CodeFormat format = CodeFormat::kEightBits;
  std::uint32_t block =
      0;  // elements of a block along K that have a scale of their own; 0: whole channels have one

  friend auto operator<=>(const Encoding&, const Encoding&) = default;

  [[nodiscard]] static constexpr Encoding Float16(std::uint64_t elements) {
    return {.shape = {elements, 1, 1}, .format = CodeFormat::kFloat16};
  }

  [[nodiscard]] constexpr DataType code_type() const {
    if (format == CodeFormat::kFloat16) return DataType::kFloat16;
    return scheme.type == WeightType::kInt8 ? DataType::kInt8 : DataType::kUint8;
  }

  [[nodiscard]] constexpr bool has_scales() const { return format == CodeFormat::kEightBits; }
  [[nodiscard]] constexpr bool has_zero_points() const { return has_scales() && HasZeroPoints(scheme); }

  // The size of a code in bytes.
  [[nodiscard]] constexpr std::uint64_t code_bytes() const { return format == CodeFormat::kFloat16 ? 2 : 1; }

  [[nodiscard]] constexpr DataType TypeOf(WeightPart part) const {
    return part == WeightPart::kScales || part == WeightPart::kSums ? DataType::kFloat : code_type();
  }

  // The size of that part in bytes.
  [[nodiscard]] constexpr std::uint64_t BytesOf(WeightPart part) const {
    switch (part) {
      case WeightPart::kCodes:
        return shape.elements() * code_bytes();
      case WeightPart::kScales:
      case WeightPart::kSums:
        return has_scales() ? shape.scales() * sizeof(float) : 0;
      default:
        return has_zero_points() ? shape.scales() : 0;
    }
  }

  // The size of codes, scales and zero points together, in bytes.
  [[nodiscard]] constexpr std::uint64_t bytes() const {
    return BytesOf(WeightPart::kCodes) + BytesOf(WeightPart::kScales) + BytesOf(WeightPart::kZeroPoints);
  }
};

}  // namespace qi8
