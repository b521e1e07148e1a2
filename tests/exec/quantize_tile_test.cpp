#include "exec/quantize_tile.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "exec/stored_values.hpp"

namespace qi8 {
namespace {

// Each element by the scale of its group and channel, wherever tiles are cut.
void ExpectCodes(const ChannelShape& shape, std::uint64_t tile) {
  std::mt19937 generator(5);
  std::vector<float> values(shape.elements());
  std::vector<float> scales(shape.scales());
  std::vector<float> zero_points(shape.scales());
  for (float& value : values) value = static_cast<float>(generator() % 200) - 100;
  for (float& scale : scales) scale = static_cast<float>(1U << (generator() % 3));
  for (float& zero_point : zero_points) zero_point = static_cast<float>(generator() % 9) - 4;
  for (std::uint64_t at = 0; at < values.size(); at += tile) {
    const std::uint64_t group = at / shape.group_elements();
    const std::uint64_t count = std::min(tile, values.size() - at);
    const std::uint64_t groups = std::max<std::uint64_t>(1, count / shape.group_elements());
    const auto part = [&](const std::vector<float>& numbers) -> std::vector<float> {
      const auto first = numbers.begin() + static_cast<std::ptrdiff_t>(group * shape.channels);
      return {first, first + static_cast<std::ptrdiff_t>(groups * shape.channels)};
    };
    std::vector<std::int8_t> codes(count);
    QuantizeTile(shape, at, std::span(values).subspan(at, count),
                 {.scales = part(scales), .zero_points = part(zero_points)}, codes);
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t element = at + i;
      const std::uint64_t channel =
          element / shape.group_elements() * shape.channels + element % shape.channels;
      const float code = std::nearbyint(values[element] / scales[channel]) + zero_points[channel];
      ASSERT_EQ(codes[i], static_cast<std::int8_t>(std::clamp(code, -128.0F, 127.0F))) << element;
    }
  }
}

TEST(QuantizeTile, TakesWholeGroups) {
  ExpectCodes({6, 5, 1}, 5);
  ExpectCodes({6, 5, 1}, 15);
  ExpectCodes({4, 3, 7}, 21);
  ExpectCodes({4, 3, 7}, 42);
}

TEST(QuantizeTile, TakesPartsOfAGroup) {
  ExpectCodes({1, 100, 1}, 30);
  ExpectCodes({1, 20, 7}, 14);
  ExpectCodes({1, 20, 7}, 10);
}

class QuantizeTileTest : public ::testing::TestWithParam<DataType> {};
INSTANTIATE_TEST_SUITE_P(Types, QuantizeTileTest, testing::EachFloatingPointType(), testing::NameOfType);

// More numbers than are widened at a time, of many groups and of one.
TEST_P(QuantizeTileTest, TakesNumbersOfAnyType) {
  const std::vector<float> numbers = testing::SomeNumbers(12000);
  const testing::StoredValues stored(GetParam(), numbers);
  for (const ChannelShape& shape :
       {ChannelShape{12000, 1, 1}, ChannelShape{4, 3000, 1}, ChannelShape{1, 12000, 1},
        ChannelShape{1, 120, 100}, ChannelShape{1, 2, 6000}, ChannelShape{3, 4, 1000}}) {
    std::vector<float> scales(shape.scales());
    for (std::size_t i = 0; i < scales.size(); ++i) scales[i] = static_cast<float>(i % 7 + 1);
    std::vector<std::int8_t> codes(numbers.size());
    QuantizeTile(shape, 0, stored.Tile(), {.scales = scales, .zero_points = {}}, codes);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      const std::size_t channel = i / shape.group_elements() * shape.channels + i % shape.channels;
      ASSERT_EQ(codes[i], static_cast<std::int8_t>(std::nearbyint(numbers[i] / scales[channel])))
          << i << " of " << shape.groups << " x " << shape.reduced << " x " << shape.channels;
    }
  }
}

// Two matrices, and a part of one row; a scale and a zero point for each row, and one for all.
TEST_P(QuantizeTileTest, TransposesNumbersOfAnyType) {
  const std::vector<float> numbers = testing::SomeNumbers(12000);
  const testing::StoredValues stored(GetParam(), numbers);
  const auto expect = [&](const Transposition& matrices, std::uint64_t rows_in_tile, std::uint64_t channels) {
    std::vector<float> scales(channels);
    std::vector<float> zero_points(channels);
    for (std::size_t i = 0; i < channels; ++i) {
      scales[i] = static_cast<float>(i % 7 + 2);
      zero_points[i] = static_cast<float>(i % 5) - 2;
    }
    std::vector<std::int8_t> codes(numbers.size());
    QuantizeTileTransposed(matrices, 0, stored.Tile(), {.scales = scales, .zero_points = zero_points}, codes);
    const std::uint64_t rows = std::min(matrices.rows, rows_in_tile);
    const std::uint64_t columns = numbers.size() / rows_in_tile;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      const std::size_t row = i / columns;
      const std::size_t channel = channels == 1 ? 0 : row;
      const std::size_t at = row / rows * rows * columns + i % columns * rows + row % rows;
      ASSERT_EQ(codes[at],
                static_cast<std::int8_t>(std::nearbyint(numbers[i] / scales[channel]) + zero_points[channel]))
          << "row " << row << " column " << i % columns << " of " << rows << " rows";
    }
  };
  expect({.batches = 1, .rows = 120, .columns = 100}, 120, 120);
  expect({.batches = 2, .rows = 60, .columns = 100}, 120, 120);
  expect({.batches = 1, .rows = 2, .columns = 6000}, 2, 2);
  expect({.batches = 1, .rows = 4000, .columns = 3}, 4000, 1);
  expect({.batches = 1, .rows = 9, .columns = 20000}, 1, 1);
}

}  // namespace
}  // namespace qi8
