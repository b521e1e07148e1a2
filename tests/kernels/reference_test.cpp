// The reference by examples, small enough to check by hand. kernels_test.cpp compares all else with it.
#include "kernels/reference.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <limits>
#include <vector>

#include "support.hpp"

namespace qi8::kernels::reference {
namespace {

constexpr float kMax = std::numeric_limits<float>::max();
constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

using Codes = std::vector<std::int8_t>;

[[nodiscard]] Codes Quantized(const std::vector<float>& values, float scale) {
  Codes codes(values.size());
  QuantizeByRow(values, {&scale, 1}, {}, codes);
  return codes;
}

TEST(Reference, HalvesGoToTheEvenCode) {
  EXPECT_EQ(Quantized({0.5F, 1.5F, 2.5F, -0.5F, -1.5F, -2.5F, 126.5F}, 1.0F),
            (Codes{0, 2, 2, 0, -2, -2, 126}));
  EXPECT_EQ(Quantized({0x1.000002p-1F, 0x1.fffffep-2F, -0x1.000002p-1F}, 1.0F), (Codes{1, 0, -1}));
}

TEST(Reference, CodesAreClipped) {
  EXPECT_EQ(Quantized({127.5F, 128.0F, kMax, -128.5F, -129.0F, -kMax, kInf, -kInf}, 1.0F),
            (Codes{127, 127, 127, -128, -128, -128, 127, -128}));
  EXPECT_EQ(Quantized({kMax, -kMax}, std::numeric_limits<float>::min()), (Codes{127, -128}));
}

TEST(Reference, DividesRatherThanMultiplyingByTheReciprocal) {
  // float32(w / scale) is exactly 2.5, but float32(w * float32(1 / scale)) is the float above it.
  constexpr float kScale = 0x1.abf0bcp-5F;
  constexpr float kWeight = 0x1.0b7676p-3F;
  ASSERT_EQ(kWeight / kScale, 2.5F);
  ASSERT_GT(kWeight * (1.0F / kScale), 2.5F);
  EXPECT_EQ(Quantized({kWeight}, kScale), (Codes{2}));
}

TEST(Reference, DenormalsAreNumbers) {
  constexpr float kDenormal = std::numeric_limits<float>::denorm_min();
  EXPECT_EQ(Quantized({100 * kDenormal, -7 * kDenormal}, kDenormal), (Codes{100, -7}));
  EXPECT_EQ(MaxOf(AbsMaxBitsByRow, std::vector<float>{-3 * kDenormal, kDenormal}), 3U);
}

TEST(Reference, TheLargestMagnitudeIgnoresSignsAndShowsWhatIsNotFinite) {
  EXPECT_EQ(MaxOf(AbsMaxBitsByRow, {}), 0U);
  EXPECT_EQ(MaxOf(AbsMaxBitsByRow, std::vector<float>{-0.0F}), 0U);
  EXPECT_EQ(MaxOf(AbsMaxBitsByRow, std::vector<float>{1.0F, -2.0F}), std::bit_cast<std::uint32_t>(2.0F));
  EXPECT_EQ(MaxOf(AbsMaxBitsByRow, std::vector<float>{kMax, -kInf}), 0x7f800000U);
  EXPECT_GT(MaxOf(AbsMaxBitsByRow, std::vector<float>{kInf, -kNan}), 0x7f800000U);
}

TEST(Reference, ColumnsGoOnWhereThePieceBefore) {
  std::vector<std::uint32_t> max(3);
  AbsMaxBitsByColumn(std::vector<float>{1, -2}, 0, max);
  AbsMaxBitsByColumn(std::vector<float>{3, 4, 1}, 2, max);
  EXPECT_EQ(
      max, (std::vector<std::uint32_t>{std::bit_cast<std::uint32_t>(4.0F), std::bit_cast<std::uint32_t>(2.0F),
                                       std::bit_cast<std::uint32_t>(3.0F)}));

  Codes codes(5);
  QuantizeByColumn(std::vector<float>{8, 8, 8, 8, 8}, 2, std::vector<float>{1, 2, 4}, {}, codes);
  EXPECT_EQ(codes, (Codes{2, 8, 4, 2, 8}));
}

TEST(Reference, RowsBecomeColumns) {
  Codes codes(8, 99);
  QuantizeTransposed(std::vector<float>{1, 2, 3, 4, 6, 8}, 2, 3, std::vector<float>{1, 2}, {}, codes.data(),
                     3);
  EXPECT_EQ(codes, (Codes{1, 2, 99, 2, 3, 99, 3, 4}));
}

TEST(Reference, TheFirstNonFiniteIsFound) {
  EXPECT_EQ(FindNonFinite(std::vector<float>{1, kMax, kNan, kInf}), 2U);
  EXPECT_EQ(FindNonFinite(std::vector<float>{-kInf}), 0U);
  EXPECT_EQ(FindNonFinite(std::vector<float>{kMax, -kMax}), std::nullopt);
}

}  // namespace
}  // namespace qi8::kernels::reference
