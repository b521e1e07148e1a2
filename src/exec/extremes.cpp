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

std::vector<std::uint32_t> LargestMagnitudes(const ChannelShape& shape, std::uint64_t first_element,
                                             std::span<const float> tile, kernels::Sign sign) {
  const std::uint64_t group_elements = std::min<std::uint64_t>(shape.group_elements(), tile.size());
  const std::uint64_t groups = tile.size() / group_elements;
  std::vector<std::uint32_t> magnitudes(groups * shape.channels, 0);
  if (shape.channels == 1) {
    kernels::AbsMaxBitsByRow(tile, magnitudes, sign);
    return magnitudes;
  }
  for (std::uint64_t g = 0; g < groups; ++g) {
    kernels::AbsMaxBitsByColumn(tile.subspan(g * group_elements, group_elements),
                                first_element % shape.channels,
                                std::span(magnitudes).subspan(g * shape.channels, shape.channels), sign);
  }
  return magnitudes;
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
                      std::span<const float> tile) {
  using kernels::Sign;
  if (scheme.symmetric) return {LargestMagnitudes(shape, first_element, tile, Sign::kAny), {}};
  return {LargestMagnitudes(shape, first_element, tile, Sign::kPositive),
          LargestMagnitudes(shape, first_element, tile, Sign::kNegative)};
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
