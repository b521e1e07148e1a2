#include "kernels/widen.hpp"

#include <bit>
#include <cassert>
#include <cstdint>
#include <cstring>
#include <stdexcept>

namespace qi8::kernels {
namespace {

// IEEE-754 binary16: 5 bits of exponent, biased by 15, and 10 of fraction. All three forms are computed and
// one is chosen, so that compilers make vectors of it.
float FromFloat16(std::uint16_t half) {
  const std::uint32_t magnitude = half & 0x7fffU;
  const std::uint32_t shifted = magnitude << 13U;
  constexpr std::uint32_t kRebias = (127U - 15U) << 23U;
  const std::uint32_t normal = shifted + kRebias;
  const std::uint32_t infinite = shifted + 2 * kRebias;
  const auto tiny = std::bit_cast<std::uint32_t>(static_cast<float>(static_cast<int>(magnitude)) * 0x1p-24F);
  const std::uint32_t bits = magnitude < 0x0400U ? tiny : magnitude >= 0x7c00U ? infinite : normal;
  return std::bit_cast<float>(bits | (half & 0x8000U) << 16U);
}

float FromBfloat16(std::uint16_t upper) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(upper) << 16U);
}

template <typename Stored, typename Convert>
void Each(std::span<const std::byte> in, std::span<float> out, Convert convert) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, in.data() + i * sizeof(Stored), sizeof(Stored));
    out[i] = convert(stored);
  }
}

}  // namespace

void Widen(DataType type, std::span<const std::byte> in, std::span<float> out) {
  assert(in.size() == out.size() * ElementBytes(type));
  switch (type) {
    case DataType::kFloat:
      return Each<float>(in, out, [](float value) { return value; });
    case DataType::kFloat16:
      return Each<std::uint16_t>(in, out, FromFloat16);
    case DataType::kBfloat16:
      return Each<std::uint16_t>(in, out, FromBfloat16);
    case DataType::kDouble:
      return Each<double>(in, out, [](double value) { return static_cast<float>(value); });
    default:
      throw std::logic_error("not a floating-point type: " + DataTypeName(type));
  }
}

}  // namespace qi8::kernels
