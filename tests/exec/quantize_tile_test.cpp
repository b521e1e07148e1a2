#include "exec/quantize_tile.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

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

}  // namespace
}  // namespace qi8
