// float32 as float16.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace qi8::kernels {

// The bits of the least magnitude that float16 has no finite number for, when rounding to the nearest: 65520.
inline constexpr std::uint32_t kFloat16OverflowBits = 0x477ff000U;

// Rounds each number to the nearest float16, half to even, little-endian. Magnitudes are below that of
// kFloat16OverflowBits. out.size() is twice values.size().
void NarrowToFloat16(std::span<const float> values, std::span<std::byte> out);

}  // namespace qi8::kernels
