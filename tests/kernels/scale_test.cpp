#include "kernels/scale.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace qi8::kernels {
namespace {

[[nodiscard]] float ScaleOf(float absmax) {
  return ParametersOf({}, {0, std::bit_cast<std::uint32_t>(absmax)}).scale;
}

constexpr float kSmallestNormal = std::numeric_limits<float>::min();

// The expected bits were computed in Python: float32(float64(float32(x) * 2) / 254).
TEST(SymmetricInt8, FollowsOnnxRuntime) {
  EXPECT_EQ(ScaleOf(127.0F), 1.0F);
  EXPECT_EQ(ScaleOf(1.0F), std::bit_cast<float>(0x3c010204U));
  EXPECT_EQ(ScaleOf(0.1F), std::bit_cast<float>(0x3a4e69a0U));
  EXPECT_EQ(ScaleOf(0x1.555556p-2F), std::bit_cast<float>(0x3b2c02b0U));
}

TEST(SymmetricInt8, OfAnAllZeroChannelIsOne) { EXPECT_EQ(ScaleOf(0.0F), 1.0F); }

TEST(SymmetricInt8, NeverIsDenormal) {
  EXPECT_EQ(ScaleOf(127 * kSmallestNormal), kSmallestNormal);
  // Its quotient is a little more than half a unit below the smallest normal number, so it rounds to a
  // denormal.
  const float next_below = std::nextafter(127 * kSmallestNormal, 0.0F);
  EXPECT_EQ(ScaleOf(next_below), 1.0F);
  EXPECT_EQ(ScaleOf(kSmallestNormal), 1.0F);
  EXPECT_EQ(ScaleOf(std::numeric_limits<float>::denorm_min()), 1.0F);
}

TEST(SymmetricInt8, DoesNotOverflow) {
  EXPECT_EQ(ScaleOf(std::numeric_limits<float>::max()),
            static_cast<float>(static_cast<double>(std::numeric_limits<float>::max()) / 127));
}

[[nodiscard]] CodeParameters Of(WeightType type, bool symmetric, bool reduce_range, float min, float max) {
  return ParametersOf({type, symmetric, reduce_range},
                      {std::bit_cast<std::uint32_t>(max), std::bit_cast<std::uint32_t>(-min)});
}

TEST(ParametersOf, RangesOfCodes) {
  constexpr auto kInt8 = WeightType::kInt8;
  constexpr auto kUint8 = WeightType::kUint8;
  EXPECT_EQ(Of(kInt8, true, false, -127, 100), (CodeParameters{1, 0}));
  EXPECT_EQ(Of(kInt8, true, true, -64, 3), (CodeParameters{1, 0}));
  EXPECT_EQ(Of(kInt8, false, false, -155, 100), (CodeParameters{1, 27}));
  EXPECT_EQ(Of(kInt8, false, true, -28, 100), (CodeParameters{1, -36}));
  EXPECT_EQ(Of(kUint8, true, false, -127, 100), (CodeParameters{1, 127}));
  EXPECT_EQ(Of(kUint8, true, true, -63.5F, 0), (CodeParameters{1, 64}));
  EXPECT_EQ(Of(kUint8, false, false, -155, 100), (CodeParameters{1, 155}));
  EXPECT_EQ(Of(kUint8, false, true, -27, 100), (CodeParameters{1, 27}));
}

// The range reaches to zero, so that zero has a code.
TEST(ParametersOf, OneSidedChannels) {
  EXPECT_EQ(Of(WeightType::kUint8, false, false, -0.0F, 255), (CodeParameters{1, 0}));
  EXPECT_EQ(Of(WeightType::kUint8, false, false, -255, 0), (CodeParameters{1, 255}));
  EXPECT_EQ(Of(WeightType::kInt8, false, false, -255, 0), (CodeParameters{1, 127}));
}

TEST(ParametersOf, TheZeroPointComesFromTheScaleBeforeItIsRounded) {
  // In double: 3.4965 / (10 / 255) = 89.16075; halves go to the even code.
  EXPECT_EQ(Of(WeightType::kUint8, false, false, -3.5F, 252.5F - 1), (CodeParameters{1, 4}));
  EXPECT_EQ(Of(WeightType::kUint8, false, false, -2.5F, 252.5F), (CodeParameters{1, 2}));
}

TEST(ParametersOf, AnAllZeroChannelHasZeroPointZero) {
  for (const bool symmetric : {false, true}) {
    EXPECT_EQ(Of(WeightType::kUint8, symmetric, false, -0.0F, 0), (CodeParameters{1, 0}));
    EXPECT_EQ(Of(WeightType::kUint8, symmetric, false, -kSmallestNormal, kSmallestNormal),
              (CodeParameters{1, 0}));
  }
}

TEST(ParametersOf, ADifferenceBeyondFloatsIsTakenInDouble) {
  constexpr float kMax = std::numeric_limits<float>::max();
  const auto parameters = Of(WeightType::kInt8, false, false, -kMax, kMax);
  EXPECT_EQ(parameters.scale, static_cast<float>(2.0 * static_cast<double>(kMax) / 255));
  EXPECT_EQ(parameters.zero_point, 0);  // -128 + 127.5 to even
}

}  // namespace
}  // namespace qi8::kernels
