#include "exec/quantization_error.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

namespace qi8 {
namespace {

// As many sums side by side as keep a compiler's vectors busy: it may not reorder a single one.
constexpr std::size_t kLanes = 8;

// A channel's scale and zero point for each element of a run, or one of both for all.
template <typename ParameterOf>
QuantizationError ErrorOfRun(std::span<const float> values, std::span<const std::int8_t> codes,
                             const ParameterOf& scale_of, const ParameterOf& zero_point_of) {
  std::array<double, kLanes> signal{};
  std::array<double, kLanes> noise{};
  std::array<double, kLanes> largest{};
  const auto take = [&](std::size_t i, std::size_t lane) {
    const double value = values[i];
    const double restored =
        static_cast<double>(scale_of(i)) * (static_cast<float>(codes[i]) - zero_point_of(i));
    const double difference = std::abs(value - restored);
    signal[lane] += value * value;
    noise[lane] += difference * difference;
    largest[lane] = std::max(largest[lane], difference);
  };
  const std::size_t whole = values.size() / kLanes * kLanes;
  for (std::size_t i = 0; i < whole; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) take(i + lane, lane);
  }
  for (std::size_t i = whole; i < values.size(); ++i) take(i, i - whole);
  QuantizationError error;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    error.Add({.signal = signal[lane], .noise = noise[lane], .largest = largest[lane]});
  }
  return error;
}

struct Same {
  float value = 0;
  float operator()(std::size_t) const { return value; }
};

struct ByColumn {
  std::span<const float> values;  // empty: all are 0
  float operator()(std::size_t i) const { return values[i]; }
};

}  // namespace

void QuantizationError::Add(const QuantizationError& other) {
  signal += other.signal;
  noise += other.noise;
  largest = std::max(largest, other.largest);
}

double QuantizationError::SqnrDecibel() const {
  constexpr double kDecibel = 10;
  if (noise == 0) return std::numeric_limits<double>::infinity();
  return kDecibel * std::log10(signal / noise);
}

QuantizationError ErrorOf(const ChannelShape& shape, std::uint64_t first_element, const TileValues& values,
                          const ChannelParameters& parameters, std::span<const std::int8_t> codes) {
  QuantizationError error;
  const bool one_channel = shape.channels == 1;
  const std::uint64_t group_elements = std::max<std::uint64_t>(shape.group_elements(), 1);
  const std::uint64_t run = one_channel ? group_elements : shape.channels;
  // With one channel, a run is a group. With several, it is a row of channels; the first and the last row of
  // the tile may be incomplete.
  const std::vector<float> zeros(parameters.zero_points.empty() && !one_channel ? shape.channels : 0, 0.0F);
  const std::uint64_t first_group = first_element / group_elements;
  values.ForEachPiece(group_elements, [&](std::uint64_t start, std::span<const float> piece) {
    for (std::uint64_t done = 0; done < piece.size();) {
      const std::uint64_t element = first_element + start + done;
      const std::uint64_t column = element % run;
      const std::uint64_t count = std::min<std::uint64_t>(run - column, piece.size() - done);
      const std::uint64_t group = element / group_elements - first_group;
      const auto run_values = piece.subspan(done, count);
      const auto run_codes = codes.subspan(start + done, count);
      if (one_channel) {
        const float zero = parameters.zero_points.empty() ? 0 : parameters.zero_points[group];
        error.Add(ErrorOfRun(run_values, run_codes, Same{parameters.scales[group]}, Same{zero}));
      } else {
        const std::span<const float> scales(parameters.scales);
        const std::span<const float> zero_points(zeros.empty() ? parameters.zero_points : zeros);
        const std::uint64_t at = group * shape.channels + column;
        error.Add(ErrorOfRun(run_values, run_codes, ByColumn{scales.subspan(at, count)},
                             ByColumn{zero_points.subspan(zeros.empty() ? at : column, count)}));
      }
      done += count;
    }
  });
  return error;
}

QuantizationError ErrorOfFloat16(const TileValues& values, std::span<const std::byte> narrowed) {
  std::vector<float> exact(values.size());
  values.ForEachPiece(1, [&exact](std::uint64_t start, std::span<const float> piece) {
    std::ranges::copy(piece, exact.begin() + static_cast<std::ptrdiff_t>(start));
  });
  QuantizationError error;
  const TileValues restored(DataType::kFloat16, narrowed);
  restored.ForEachPiece(1, [&](std::uint64_t start, std::span<const float> piece) {
    for (std::size_t i = 0; i < piece.size(); ++i) {
      const double value = exact[start + i];
      const double difference = std::abs(value - static_cast<double>(piece[i]));
      error.signal += value * value;
      error.noise += difference * difference;
      error.largest = std::max(error.largest, difference);
    }
  });
  return error;
}

}  // namespace qi8
