// Weights of other floating-point types, as float32.
#pragma once

#include <cstddef>
#include <span>

#include "core/data_type.hpp"

namespace qi8::kernels {

// As many are best widened at a time, just before they are used: 16 KiB of float32 stay in the first-level
// cache.
inline constexpr std::size_t kWidenedElements = 4096;

// The numbers in `in`, little-endian elements of `type` (float32, float16, bfloat16 or float64), as float32.
// Exact but for float64, which is rounded to nearest even, and to infinity where float32 ends. NaNs stay
// NaNs. in.size() == out.size() * ElementBytes(type); `in` needs no alignment.
void Widen(DataType type, std::span<const std::byte> in, std::span<float> out);

}  // namespace qi8::kernels
