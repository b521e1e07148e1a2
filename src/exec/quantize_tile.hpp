// Codes of a tile.
#pragma once

#include <cstdint>
#include <span>

#include "core/channel_shape.hpp"
#include "exec/extremes.hpp"
#include "exec/tile_values.hpp"
#include "plan/plan.hpp"

namespace qi8 {

// A tile as FindExtremes() takes it, and the parameters of its groups. Codes are int8, whatever the scheme:
// uint8 ones are 128 more. codes.size() == values.size(). They come in the order of the values.
void QuantizeTile(const ChannelShape& shape, std::uint64_t first_element, const TileValues& values,
                  const ChannelParameters& parameters, std::span<std::int8_t> codes);

// The same of a tile that has whole rows of one matrix or several, or a part of one row. A row has a scale of
// its own, or there is one for all. Each matrix's part comes out transposed, one after the other.
void QuantizeTileTransposed(const Transposition& matrices, std::uint64_t first_element,
                            const TileValues& values, const ChannelParameters& parameters,
                            std::span<std::int8_t> codes);

// Turns codes of a tile that are in the order of its values into the order of QuantizeTileTransposed().
void TransposeCodes(const Transposition& matrices, std::uint64_t first_element,
                    std::span<const std::int8_t> codes, std::span<std::int8_t> transposed);

}  // namespace qi8
