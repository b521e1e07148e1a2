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
};

// How the numbers of a weight become codes. Two weights of the same bytes and the same encoding have the same
// codes.
struct Encoding {
  ChannelShape shape;  // of the tensor as it is stored in the input
  Scheme scheme = {};

  friend auto operator<=>(const Encoding&, const Encoding&) = default;

  [[nodiscard]] constexpr DataType code_type() const {
    return scheme.type == WeightType::kInt8 ? DataType::kInt8 : DataType::kUint8;
  }

  [[nodiscard]] constexpr bool Has(WeightPart part) const {
    return part != WeightPart::kZeroPoints || HasZeroPoints(scheme);
  }

  [[nodiscard]] constexpr DataType TypeOf(WeightPart part) const {
    return part == WeightPart::kScales ? DataType::kFloat : code_type();
  }

  // The size of that part in bytes.
  [[nodiscard]] constexpr std::uint64_t BytesOf(WeightPart part) const {
    switch (part) {
      case WeightPart::kCodes:
        return shape.elements();
      case WeightPart::kScales:
        return shape.scales() * sizeof(float);
      default:
        return HasZeroPoints(scheme) ? shape.scales() : 0;
    }
  }

  // Of codes, scales and zero points together.
  [[nodiscard]] constexpr std::uint64_t bytes() const {
    return BytesOf(WeightPart::kCodes) + BytesOf(WeightPart::kScales) + BytesOf(WeightPart::kZeroPoints);
  }
};

}  // namespace qi8
