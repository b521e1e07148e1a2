// Sums of codes, for products whose activation has an offset (forms/per_token.cpp).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/channel_shape.hpp"
#include "exec/extremes.hpp"
#include "plan/plan.hpp"

namespace qi8 {

// The sums of codes, one for each (group, channel) of a tile or of a group.
using CodeSums = std::vector<std::int64_t>;

// The sums of int8 codes in the order of the weight: whole groups, or a part of one that begins at
// `first_element`.
[[nodiscard]] CodeSums SumCodes(const ChannelShape& shape, std::uint64_t first_element,
                                std::span<const std::int8_t> codes);

// The same of codes that QuantizeTileTransposed() made.
[[nodiscard]] CodeSums SumTransposedCodes(const ChannelShape& shape, const Transposition& matrices,
                                          std::uint64_t first_element, std::span<const std::int8_t> codes);

// Adds those of another part of the same group; an empty one takes on the other's size.
void AddSums(CodeSums& sums, const CodeSums& part);

// What the codes of each (group, channel) stand for, added up: scale * (sum - elements * zero point), times
// `factor`.
[[nodiscard]] std::vector<float> SumsOfChannels(const CodeSums& sums, const ChannelParameters& parameters,
                                                std::uint64_t elements, float factor);

}  // namespace qi8
