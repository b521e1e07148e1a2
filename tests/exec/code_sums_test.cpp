#include "exec/code_sums.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace qi8 {
namespace {

using ::testing::ElementsAre;

[[nodiscard]] std::vector<std::int8_t> RandomCodes(std::size_t count) {
  std::mt19937 random(5);
  std::vector<std::int8_t> codes(count);
  for (auto& code : codes) code = static_cast<std::int8_t>(static_cast<int>(random() % 256) - 128);
  return codes;
}

// By the definition, element by element.
[[nodiscard]] CodeSums Expected(const ChannelShape& shape, std::span<const std::int8_t> codes) {
  CodeSums sums(shape.scales());
  for (std::size_t i = 0; i < codes.size(); ++i) {
    sums[i / shape.group_elements() * shape.channels + i % shape.channels] += codes[i];
  }
  return sums;
}

TEST(SumCodes, OfWholeGroups) {
  for (const ChannelShape& shape : {ChannelShape{1, 700, 1500}, ChannelShape{3, 5, 7}, ChannelShape{9, 33, 1},
                                    ChannelShape{1, 1, 1}, ChannelShape{2, 1, 4}, ChannelShape{4, 300, 2}}) {
    const auto codes = RandomCodes(shape.elements());
    EXPECT_EQ(SumCodes(shape, 0, codes), Expected(shape, codes)) << shape.groups << " " << shape.channels;
  }
}

// Sums that an int16 has no room for, of either sign.
TEST(SumCodes, OfTheLargestCodes) {
  const ChannelShape shape{1, 4096, 3};
  for (const int code : {-128, 127}) {
    const std::vector<std::int8_t> codes(shape.elements(), static_cast<std::int8_t>(code));
    EXPECT_THAT(SumCodes(shape, 0, codes), ElementsAre(4096 * code, 4096 * code, 4096 * code));
  }
}

// Tiles of one group, which may begin and end within a row.
TEST(SumCodes, OfPartsOfAGroupAddUp) {
  const ChannelShape shape{1, 50, 7};
  const auto codes = RandomCodes(shape.elements());
  for (const std::size_t tile : {1U, 5U, 7U, 13U, 70U, 349U}) {
    CodeSums sums;
    for (std::size_t start = 0; start < codes.size(); start += tile) {
      const auto part = std::span(codes).subspan(start, std::min(tile, codes.size() - start));
      AddSums(sums, SumCodes(shape, start, part));
    }
    EXPECT_EQ(sums, Expected(shape, codes)) << tile;
  }
}

// A matrix [3, 4] whose rows have a scale each, written as [4, 3].
TEST(SumTransposedCodes, AreThoseOfTheRows) {
  const ChannelShape shape{3, 4, 1};
  const std::vector<std::int8_t> transposed = {1, 10, 100, 2, 20, -100, 3, 30, 50, 4, 40, 1};
  EXPECT_THAT(SumTransposedCodes(shape, {1, 3, 4}, 0, transposed), ElementsAre(10, 100, 51));
  const ChannelShape one_scale{1, 12, 1};
  EXPECT_THAT(SumTransposedCodes(one_scale, {1, 3, 4}, 0, transposed), ElementsAre(161));
}

TEST(SumsOfChannels, AreInTheUnitsOfTheWeight) {
  const ChannelParameters symmetric{.scales = {0.5F, 2}, .zero_points = {}};
  EXPECT_THAT(SumsOfChannels({10, -3}, symmetric, 8, 1), ElementsAre(5, -6));
  EXPECT_THAT(SumsOfChannels({10, -3}, symmetric, 8, -2), ElementsAre(-10, 12));
  const ChannelParameters asymmetric{.scales = {0.5F, 2}, .zero_points = {1, -1}};
  EXPECT_THAT(SumsOfChannels({10, -3}, asymmetric, 8, 1), ElementsAre(1, 10))
      << "8 elements, less 8 zero points";
}

}  // namespace
}  // namespace qi8
