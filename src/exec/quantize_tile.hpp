// Codes of a tile in the order of its values.
#pragma once

#include <cstdint>
#include <span>

#include "core/channel_shape.hpp"
#include "exec/extremes.hpp"

namespace qi8 {

// A tile as FindExtremes() takes it, and the parameters of its groups. Codes are int8, whatever the scheme:
// uint8 ones are 128 more. codes.size() == values.size().
void QuantizeTile(const ChannelShape& shape, std::uint64_t first_element, std::span<const float> values,
                  const ChannelParameters& parameters, std::span<std::int8_t> codes);

}  // namespace qi8
