// What a channel's numbers come to, and the scale and zero point that follow.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/channel_shape.hpp"
#include "exec/tile_values.hpp"
#include "qi8/scheme.hpp"

namespace qi8 {

// The largest magnitudes of each channel of a tile or of a group, by (group, channel). A symmetric scheme
// needs them only without regard to sign; they are in `above` then.
struct Extremes {
  std::vector<std::uint32_t> above;
  std::vector<std::uint32_t> below;

  // Takes the larger of both, by channel. An empty one takes on the other's size.
  void Add(const Extremes& other);

  // Whether all numbers were finite.
  [[nodiscard]] bool AllFinite() const;
};

// Scales and zero points by (group, channel).
struct ChannelParameters {
  std::vector<float> scales;
  // Of the codes as int8, so a uint8 zero point is less by 128; empty where all are 0.
  std::vector<float> zero_points;
};

// Of a tile that begins at `first_element` of the tensor: whole groups, or a part of one.
[[nodiscard]] Extremes FindExtremes(const Scheme& scheme, const ChannelShape& shape,
                                    std::uint64_t first_element, const TileValues& tile);

[[nodiscard]] ChannelParameters ParametersOf(const Scheme& scheme, const Extremes& extremes);

}  // namespace qi8
