#include "exec/extremes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <limits>
#include <vector>

#include "exec/stored_values.hpp"

namespace qi8 {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

[[nodiscard]] std::uint32_t Bits(float value) { return std::bit_cast<std::uint32_t>(value); }

constexpr Scheme kSymmetric{};
constexpr Scheme kAsymmetric{WeightType::kUint8, false, false};

TEST(FindExtremes, ByColumnAndByRow) {
  const std::vector<float> tile = {1, -2, 3, -4, 5, -6};
  EXPECT_THAT(FindExtremes(kSymmetric, {1, 3, 2}, 0, tile).above, ElementsAre(Bits(5), Bits(6)));
  EXPECT_THAT(FindExtremes(kSymmetric, {3, 2, 1}, 0, tile).above, ElementsAre(Bits(2), Bits(4), Bits(6)));
  EXPECT_THAT(FindExtremes(kSymmetric, {1, 6, 1}, 0, tile).below, IsEmpty());
  const Extremes both = FindExtremes(kAsymmetric, {1, 2, 3}, 0, tile);
  EXPECT_THAT(both.above, ElementsAre(Bits(1), Bits(5), Bits(3)));
  EXPECT_THAT(both.below, ElementsAre(Bits(4), Bits(2), Bits(6)));
}

TEST(FindExtremes, ATileThatBeginsWithinARow) {
  EXPECT_THAT(FindExtremes(kSymmetric, {1, 100, 3}, 4, std::vector<float>{7, 8}).above,
              ElementsAre(0U, Bits(7), Bits(8)));
}

class FindExtremesTest : public ::testing::TestWithParam<DataType> {};
INSTANTIATE_TEST_SUITE_P(Types, FindExtremesTest, testing::EachFloatingPointType(), testing::NameOfType);

// More numbers than are widened at a time: what is found in one piece counts after the next.
TEST_P(FindExtremesTest, OfNumbersOfAnyType) {
  std::vector<float> numbers(12000, 1);
  numbers[1] = 9;
  numbers[6001] = -8;
  numbers[11999] = 7;
  const testing::StoredValues stored(GetParam(), numbers);
  const auto found = [&](const Scheme& scheme, const ChannelShape& shape) {
    return FindExtremes(scheme, shape, 0, stored.Tile());
  };
  EXPECT_THAT(found(kSymmetric, {1, 12000, 1}).above, ElementsAre(Bits(9)));
  EXPECT_THAT(found(kSymmetric, {1, 6000, 2}).above, ElementsAre(Bits(1), Bits(9)));
  EXPECT_THAT(found(kSymmetric, {2, 6000, 1}).above, ElementsAre(Bits(9), Bits(8)));
  EXPECT_THAT(found(kSymmetric, {2, 3000, 2}).above, ElementsAre(Bits(1), Bits(9), Bits(1), Bits(8)));
  EXPECT_THAT(found(kSymmetric, {4, 1500, 2}).above,
              ElementsAre(Bits(1), Bits(9), Bits(1), Bits(1), Bits(1), Bits(8), Bits(1), Bits(7)));
  const Extremes both = found(kAsymmetric, {1, 12000, 1});
  EXPECT_THAT(both.above, ElementsAre(Bits(9)));
  EXPECT_THAT(both.below, ElementsAre(Bits(8)));
}

TEST(Extremes, OfTilesAddUp) {
  Extremes all;
  all.Add({{1, 5}, {2, 2}});
  all.Add({{3, 4}, {1, 9}});
  EXPECT_THAT(all.above, ElementsAre(3, 5));
  EXPECT_THAT(all.below, ElementsAre(2, 9));
}

TEST(Extremes, ShowWhatIsNotFinite) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  for (const float bad : {kInfinity, -kInfinity, kNan, -kNan}) {
    for (const Scheme& scheme : {kSymmetric, kAsymmetric}) {
      EXPECT_FALSE(FindExtremes(scheme, {1, 3, 1}, 0, std::vector<float>{1, bad, 2}).AllFinite());
    }
  }
  EXPECT_TRUE(FindExtremes(kAsymmetric, {1, 3, 1}, 0, std::vector<float>{1, 0, -2}).AllFinite());
}

// Zero points are those of int8 codes, whatever the type.
TEST(ParametersOfExtremes, ZeroPointsAreInTheRangeOfInt8) {
  const Extremes extremes{{Bits(100)}, {Bits(155)}};
  EXPECT_THAT(ParametersOf(kAsymmetric, extremes).zero_points, ElementsAre(155.0F - 128));
  EXPECT_THAT(ParametersOf({WeightType::kInt8, false, false}, extremes).zero_points, ElementsAre(27.0F));
  EXPECT_THAT(ParametersOf({WeightType::kUint8, true, false}, {{Bits(127)}, {}}).zero_points,
              ElementsAre(-1.0F));
  EXPECT_THAT(ParametersOf(kSymmetric, {{Bits(127)}, {}}).zero_points, IsEmpty());
}

}  // namespace
}  // namespace qi8
