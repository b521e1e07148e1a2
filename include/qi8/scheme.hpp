// How numbers become codes of eight bits.
#pragma once

#include <compare>
#include <cstdint>

namespace qi8 {

enum class WeightType : std::uint8_t {
  kInt8,
  kUint8,
  kShiftedInt8,  // int8 codes and zero points plus 128, as uint8: for operators that take no int8
};

// How many scales a weight has.
enum class Granularity : std::uint8_t {
  kChannel,  // one for each output channel of a product, for each row of an embedding
  kTensor,   // one
};

// The codes of a weight. A real number w is stored as the code q, with
//   w ~ scale * (q - zero_point)
// Scales and zero points follow from the extremes of a channel by the rules of ONNX Runtime's
// quantize_dynamic (kernels/scale.hpp has the formulas).
struct Scheme {
  WeightType type = WeightType::kInt8;
  // The zero point is 0 (int8), 127 or, with reduce_range, 64 (uint8); else it is chosen so that the codes
  // span exactly the values that the channel has.
  bool symmetric = true;
  // Scales as if codes had 7 bits (range -64 ... 64 or 0 ... 127), for CPUs whose products of unsigned by
  // signed bytes saturate (AVX2 and AVX-512 without VNNI).
  bool reduce_range = false;

  friend auto operator<=>(const Scheme&, const Scheme&) = default;
};

// Whether codes of the scheme have zero points that are not all 0.
[[nodiscard]] constexpr bool HasZeroPoints(const Scheme& scheme) {
  return !scheme.symmetric || scheme.type == WeightType::kUint8;
}

}  // namespace qi8
