// Scales and zero points. Plain arithmetic on a few numbers: nothing here is worth vectors.
#pragma once

#include <cstdint>

#include "qi8/scheme.hpp"

namespace qi8::kernels {

// How far the numbers of a channel reach from zero, as AbsMaxBits() tells: IEEE-754 bits of magnitudes, which
// must be finite.
struct Extent {
  std::uint32_t above = 0;  // the largest of the positive numbers; 0 where there are none
  std::uint32_t below = 0;  // of the negative ones, without their sign
};

struct CodeParameters {
  float scale = 1;
  std::int32_t zero_point = 0;

  friend bool operator==(const CodeParameters&, const CodeParameters&) = default;
};

// The scale and the zero point of a channel.
//
// The formulas are those of quantize_dynamic of ONNX Runtime (compute_scale_zp in its quant_utils.py). Codes
// range from low to high:
//             symmetric     asymmetric    reduce_range
//   int8    -127 ... 127   -128 ... 127    -64 ... 64
//   uint8      0 ... 254      0 ... 255      0 ... 127
// and with all in float64 but max - min, which is taken in float32 first,
//   scale = (max - min) / (high - low)      max and min reach to 0 at least; symmetric: max = -min
//   zero point = round_half_even(low - min / scale)   symmetric: round_half_even((low + high) / 2)
// where a scale below the smallest normal float32, such as that of an all-zero channel, becomes 1 and its
// zero point 0. One thing differs: where max - min overflows float32, it is taken in float64, where ONNX
// Runtime makes it infinite.
[[nodiscard]] CodeParameters ParametersOf(const Scheme& scheme, const Extent& extent);

// The least and the greatest code, as int8: of uint8 ones 128 less.
struct CodeRange {
  int low = 0;
  int high = 0;
};
[[nodiscard]] CodeRange CodesOf(const Scheme& scheme);

}  // namespace qi8::kernels
