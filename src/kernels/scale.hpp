// Scale factors. Plain arithmetic on one number: nothing here is worth vectors.
#pragma once

#include <cstdint>

namespace qi8::kernels {

// The scale of a symmetric int8 channel whose largest magnitude is `absmax_bits` (as AbsMaxBits() gives it:
// IEEE-754 bits without the sign; must be finite, so below kNonFiniteBits).
//
// The formula is that of quantize_dynamic of ONNX Runtime (compute_scale_zp in its quant_utils.py) for
// symmetric int8, whose range of codes is -127 ... 127:
//   scale = float32(float64(2 * absmax) / 254)
// and a scale that falls below the smallest normal float32, such as that of an all-zero channel, becomes 1.
// Only the doubling is done in float64, where ONNX Runtime has float32: that is exact in both, but does not
// overflow for an absmax above FLT_MAX / 2.
[[nodiscard]] float SymmetricInt8Scale(std::uint32_t absmax_bits);

}  // namespace qi8::kernels
