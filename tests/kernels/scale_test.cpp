#include "kernels/scale.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace qi8::kernels {
namespace {

float ScaleOf(float absmax) { return SymmetricInt8Scale(std::bit_cast<std::uint32_t>(absmax)); }

constexpr float kSmallestNormal = std::numeric_limits<float>::min();

// The expected bits were computed in Python: float32(float64(float32(x) * 2) / 254).
TEST(SymmetricInt8Scale, FollowsOnnxRuntime) {
  EXPECT_EQ(ScaleOf(127.0F), 1.0F);
  EXPECT_EQ(ScaleOf(1.0F), std::bit_cast<float>(0x3c010204U));
  EXPECT_EQ(ScaleOf(0.1F), std::bit_cast<float>(0x3a4e69a0U));
  EXPECT_EQ(ScaleOf(0x1.555556p-2F), std::bit_cast<float>(0x3b2c02b0U));
}

TEST(SymmetricInt8Scale, OfAnAllZeroChannelIsOne) { EXPECT_EQ(ScaleOf(0.0F), 1.0F); }

TEST(SymmetricInt8Scale, NeverIsDenormal) {
  EXPECT_EQ(ScaleOf(127 * kSmallestNormal), kSmallestNormal);
  // Its quotient is a little more than half a unit below the smallest normal number, so it rounds to a
  // denormal.
  const float next_below = std::nextafter(127 * kSmallestNormal, 0.0F);
  EXPECT_EQ(ScaleOf(next_below), 1.0F);
  EXPECT_EQ(ScaleOf(kSmallestNormal), 1.0F);
  EXPECT_EQ(ScaleOf(std::numeric_limits<float>::denorm_min()), 1.0F);
}

TEST(SymmetricInt8Scale, DoesNotOverflow) {
  EXPECT_EQ(ScaleOf(std::numeric_limits<float>::max()),
            static_cast<float>(static_cast<double>(std::numeric_limits<float>::max()) / 127));
}

}  // namespace
}  // namespace qi8::kernels
