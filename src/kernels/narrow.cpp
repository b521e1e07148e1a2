#include "kernels/narrow.hpp"

#include <bit>
#include <cassert>
#include <cstring>

namespace qi8::kernels {
namespace {

constexpr std::uint32_t kSignBit = 0x80000000U;
constexpr unsigned kDroppedBits = 23 - 10;                      // of the fraction
constexpr std::uint32_t kBiasDifference = (127U - 15U) << 23U;  // of the exponents
constexpr std::uint32_t kLeastNormal = (127U - 14U) << 23U;     // the bits of 2^-14
constexpr float kSubnormalStep = 0x1p-24F;                      // of float16

// The bits of a magnitude from 2^-14 on: the fraction is cut off behind half a step less one, and the bit
// that decides a tie.
std::uint32_t Normal(std::uint32_t bits) {
  const std::uint32_t odd = (bits >> kDroppedBits) & 1U;
  return (bits + ((1U << (kDroppedBits - 1)) - 1) + odd - kBiasDifference) >> kDroppedBits;
}

// Below, numbers are multiples of one step: adding a number whose own steps are as large rounds to it.
std::uint32_t Subnormal(std::uint32_t bits) {
  constexpr float kAligned = kSubnormalStep * 0x1p23F;
  const float sum = std::bit_cast<float>(bits) + kAligned;
  return std::bit_cast<std::uint32_t>(sum) - std::bit_cast<std::uint32_t>(kAligned);
}

}  // namespace

void NarrowToFloat16(std::span<const float> values, std::span<std::byte> out) {
  assert(out.size() == values.size() * sizeof(std::uint16_t));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto bits = std::bit_cast<std::uint32_t>(values[i]);
    const std::uint32_t magnitude = bits & ~kSignBit;
    const std::uint32_t narrow = magnitude < kLeastNormal ? Subnormal(magnitude) : Normal(magnitude);
    const auto half = static_cast<std::uint16_t>(narrow | ((bits & kSignBit) >> 16U));
    std::memcpy(out.data() + i * sizeof(half), &half, sizeof(half));
  }
}

}  // namespace qi8::kernels
