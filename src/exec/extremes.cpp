#include "exec/extremes.hpp"

#include <algorithm>

#include "kernels/kernels.hpp"
#include "kernels/scale.hpp"

namespace qi8 {
namespace {

constexpr float kUint8Offset = 128;  // of uint8 codes above int8 ones

void TakeLarger(std::vector<std::uint32_t>& all, const std::vector<std::uint32_t>& part) {
  all.resize(part.size(), 0);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = std::max(all[i], part[i]);
}

// Each of `found` becomes the maximum of itself and the magnitudes of a channel: those of whole groups, or of
// a part of one.
void AddMagnitudes(const ChannelShape& shape, std::uint64_t first_element, std::span<const float> piece,
                   kernels::Sign sign, std::span<std::uint32_t> found) {
  const std::uint64_t in_group = std::min<std::uint64_t>(shape.group_elements(), piece.size());
  const std::uint64_t groups = piece.size() / in_group;
  if (shape.channels > 1) {
    for (std::uint64_t g = 0; g < groups; ++g) {
      kernels::AbsMaxBitsByColumn(piece.subspan(g * in_group, in_group), first_element % shape.channels,
                                  found.subspan(g * shape.channels, shape.channels), sign);
    }
    return;
  }
  const std::uint32_t before = found.front();
  kernels::AbsMaxBitsByRow(piece, found.first(groups), sign);
  found.front() = std::max(found.front(), before);
}

}  // namespace

void Extremes::Add(const Extremes& other) {
  TakeLarger(above, other.above);
  TakeLarger(below, other.below);
}

bool Extremes::AllFinite() const {
  const auto finite = [](std::uint32_t bits) { return bits < kernels::kNonFiniteBits; };
  return std::ranges::all_of(above, finite) && std::ranges::all_of(below, finite);
}

Extremes FindExtremes(const Scheme& scheme, const ChannelShape& shape, std::uint64_t first_element,
                      const TileValues& tile) {
  using kernels::Sign;
  const std::uint64_t groups = std::max<std::uint64_t>(1, tile.size() / shape.group_elements());
  Extremes found;
  found.above.resize(groups * shape.channels, 0);
  if (!scheme.symmetric) found.below.resize(groups * shape.channels, 0);
  tile.ForEachPiece(shape.group_elements(), [&](std::uint64_t start, std::span<const float> piece) {
    const std::uint64_t first = start / shape.group_elements() * shape.channels;
    const auto add = [&](Sign sign, std::span<std::uint32_t> magnitudes) {
      AddMagnitudes(shape, first_element + start, piece, sign, magnitudes.subspan(first));
    };
    add(scheme.symmetric ? Sign::kAny : Sign::kPositive, found.above);
    if (!scheme.symmetric) add(Sign::kNegative, found.below);
  });
  return found;
}

ChannelParameters ParametersOf(const Scheme& scheme, const Extremes& extremes) {
  ChannelParameters parameters;
  const bool has_zero_points = HasZeroPoints(scheme);
  const float offset = scheme.type == WeightType::kUint8 ? kUint8Offset : 0;
  for (std::size_t i = 0; i < extremes.above.size(); ++i) {
    const kernels::Extent extent{extremes.above[i], extremes.below.empty() ? 0 : extremes.below[i]};
    const kernels::CodeParameters channel = kernels::ParametersOf(scheme, extent);
    parameters.scales.push_back(channel.scale);
    if (has_zero_points) parameters.zero_points.push_back(static_cast<float>(channel.zero_point) - offset);
  }
  return parameters;
}

}  // namespace qi8
