#include "kernels/narrow.hpp"

#include <gtest/gtest.h>

#include <Eigen/Core>
#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

namespace qi8::kernels {
namespace {

[[nodiscard]] std::uint16_t Narrow(float value) {
  std::uint16_t half = 0;
  NarrowToFloat16(std::span(&value, 1), std::as_writable_bytes(std::span(&half, 1)));
  return half;
}

// Against Eigen's conversion: every 4093rd of the finite numbers of float32 that float16 has room for, and
// both ends of each place where the rule changes.
TEST(NarrowToFloat16, IsThatOfEigen) {
  std::uint64_t wrong = 0;
  const auto check = [&wrong](std::uint32_t bits) {
    for (const std::uint32_t sign : {0U, 0x80000000U}) {
      const auto value = std::bit_cast<float>(bits | sign);
      if (Narrow(value) != Eigen::half(value).x) ++wrong;
    }
  };
  for (std::uint32_t bits = 0; bits < kFloat16OverflowBits; bits += 4093) check(bits);
  for (const float edge :
       {0x1p-24F, 0x1p-25F, 0x1p-14F, 1.0F, 2048.0F, 2049.0F, 2051.0F, 65504.0F, 0x1p-149F}) {
    const auto bits = std::bit_cast<std::uint32_t>(edge);
    for (const std::uint32_t near : {bits - 1, bits, bits + 1}) check(near);
  }
  check(kFloat16OverflowBits - 1);
  EXPECT_EQ(wrong, 0U);
}

TEST(NarrowToFloat16, TheLimitIsTheFirstThatBecomesInfinite) {
  EXPECT_EQ(std::bit_cast<float>(kFloat16OverflowBits), 65520.0F);
  EXPECT_TRUE((Eigen::numext::isinf)(Eigen::half(65520.0F)));
  EXPECT_FALSE((Eigen::numext::isinf)(Eigen::half(std::nextafter(65520.0F, 0.0F))));
}

}  // namespace
}  // namespace qi8::kernels
