#include "exec/quantization_error.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "exec/stored_values.hpp"

namespace qi8 {
namespace {

struct Case {
  std::string name;
  ChannelShape shape;
  bool zero_points;
};

class QuantizationErrorTest : public ::testing::TestWithParam<Case> {};

// Element by element, from the definition of ChannelShape.
TEST_P(QuantizationErrorTest, IsThatOfEachElementWhereverTilesAreCut) {
  const ChannelShape& shape = GetParam().shape;
  std::mt19937 generator(3);
  std::normal_distribution<float> normal;
  std::vector<float> values(shape.elements());
  std::vector<std::int8_t> codes(values.size());
  std::vector<float> scales(shape.scales());
  std::vector<float> zero_points(GetParam().zero_points ? shape.scales() : 0);
  for (float& value : values) value = normal(generator);
  for (auto& code : codes) code = static_cast<std::int8_t>(generator());
  for (float& scale : scales) scale = 0.001F + std::abs(normal(generator));
  for (float& zero_point : zero_points) zero_point = static_cast<float>(generator() % 100) - 50;

  QuantizationError expected;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t channel = i / shape.group_elements() * shape.channels + i % shape.channels;
    const double zero = zero_points.empty() ? 0 : zero_points[channel];
    const double difference = values[i] - static_cast<double>(scales[channel]) * (codes[i] - zero);
    expected.signal += static_cast<double>(values[i]) * values[i];
    expected.noise += difference * difference;
    expected.largest = std::max(expected.largest, std::abs(difference));
  }

  // Tiles are whole groups, or parts of one group.
  for (const std::size_t tile : {shape.group_elements(), 2 * shape.group_elements(), std::uint64_t{7}}) {
    QuantizationError sum;
    for (std::size_t at = 0; at < values.size();) {
      const std::size_t group = at / shape.group_elements();
      const std::size_t room =
          tile >= shape.group_elements() ? values.size() - at : (group + 1) * shape.group_elements() - at;
      const std::size_t count = std::min(tile, room);
      const auto part = [&](const std::vector<float>& numbers) -> std::vector<float> {
        if (numbers.empty()) return {};
        return {numbers.begin() + static_cast<std::ptrdiff_t>(group * shape.channels), numbers.end()};
      };
      sum.Add(ErrorOf(shape, at, std::span(values).subspan(at, count),
                      {.scales = part(scales), .zero_points = part(zero_points)},
                      std::span(codes).subspan(at, count)));
      at += count;
    }
    EXPECT_NEAR(sum.signal, expected.signal, 1e-9 * expected.signal) << "tiles of " << tile;
    EXPECT_NEAR(sum.noise, expected.noise, 1e-9 * expected.noise) << "tiles of " << tile;
    EXPECT_DOUBLE_EQ(sum.largest, expected.largest) << "tiles of " << tile;
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, QuantizationErrorTest,
                         ::testing::Values(Case{"columns", {1, 13, 29}, false},
                                           Case{"columns_with_zero_points", {1, 13, 29}, true},
                                           Case{"rows", {11, 37, 1}, false},
                                           Case{"rows_with_zero_points", {11, 37, 1}, true},
                                           Case{"batch", {3, 10, 9}, true}, Case{"one", {1, 401, 1}, true}),
                         [](const auto& each) { return each.param.name; });

// More numbers than are widened at a time.
TEST(QuantizationErrorOfHalves, IsThatOfTheSameFloats) {
  const std::vector<float> numbers = testing::SomeNumbers(12000);
  const testing::StoredValues halves(DataType::kFloat16, numbers);
  const std::vector<std::int8_t> codes(numbers.size(), 3);
  for (const ChannelShape& shape :
       {ChannelShape{1, 12000, 1}, ChannelShape{3, 4000, 1}, ChannelShape{2, 20, 300}}) {
    std::vector<float> scales(shape.scales());
    for (std::size_t i = 0; i < scales.size(); ++i) scales[i] = static_cast<float>(i + 1);
    const ChannelParameters parameters{.scales = scales, .zero_points = {}};
    const QuantizationError expected = ErrorOf(shape, 0, numbers, parameters, codes);
    const QuantizationError error = ErrorOf(shape, 0, halves.Tile(), parameters, codes);
    EXPECT_NEAR(error.signal, expected.signal, 1e-9 * expected.signal);
    EXPECT_NEAR(error.noise, expected.noise, 1e-9 * expected.noise);
    EXPECT_EQ(error.largest, expected.largest);
  }
}

TEST(SqnrDecibel, IsTenTimesTheLogarithmOfTheRatio) {
  EXPECT_DOUBLE_EQ((QuantizationError{.signal = 1000, .noise = 10, .largest = 1}.SqnrDecibel()), 20);
  EXPECT_EQ((QuantizationError{.signal = 5, .noise = 0, .largest = 0}.SqnrDecibel()),
            std::numeric_limits<double>::infinity());
}

// Squares of these do not fit a float.
TEST(QuantizationErrorOfLargeNumbers, StaysFinite) {
  const std::vector<float> values = {3e38F, -1e-38F};
  const std::vector<std::int8_t> codes = {127, 0};
  const QuantizationError error =
      ErrorOf({1, 2, 1}, 0, values, {.scales = {3e38F / 127}, .zero_points = {}}, codes);
  EXPECT_TRUE(std::isfinite(error.signal));
  EXPECT_GT(error.SqnrDecibel(), 100);
}

}  // namespace
}  // namespace qi8
