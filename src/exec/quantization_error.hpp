// How far codes are from the numbers that they stand for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/channel_shape.hpp"
#include "exec/extremes.hpp"
#include "exec/tile_values.hpp"

namespace qi8 {

struct QuantizationError {
  double signal = 0;   // sum of the squares of the numbers
  double noise = 0;    // sum of the squares of the differences
  double largest = 0;  // difference

  void Add(const QuantizationError& other);

  // 10 log10(signal / noise): infinity where there is no noise.
  [[nodiscard]] double SqnrDecibel() const;
};

// Of a tile, as FindExtremes() takes it, and its int8 codes in the order of its values. The parameters are
// those of the tile's groups.
[[nodiscard]] QuantizationError ErrorOf(const ChannelShape& shape, std::uint64_t first_element,
                                        const TileValues& values, const ChannelParameters& parameters,
                                        std::span<const std::int8_t> codes);

// The error that a tile has as float16: `narrowed` has the same numbers in that type.
[[nodiscard]] QuantizationError ErrorOfFloat16(const TileValues& values, std::span<const std::byte> narrowed);

}  // namespace qi8
