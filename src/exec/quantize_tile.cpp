#include "exec/quantize_tile.hpp"

#include <algorithm>

#include "kernels/kernels.hpp"

namespace qi8 {

void QuantizeTile(const ChannelShape& shape, std::uint64_t first_element, std::span<const float> values,
                  const ChannelParameters& parameters, std::span<std::int8_t> codes) {
  const std::span<const float> scales(parameters.scales);
  const std::span<const float> zeros(parameters.zero_points);
  if (shape.channels == 1) return kernels::QuantizeByRow(values, scales, zeros, codes);
  const std::uint64_t group_elements = std::min<std::uint64_t>(shape.group_elements(), values.size());
  for (std::uint64_t start = 0, first = 0; start < values.size();
       start += group_elements, first += shape.channels) {
    kernels::QuantizeByColumn(values.subspan(start, group_elements), first_element % shape.channels,
                              scales.subspan(first, shape.channels),
                              zeros.empty() ? zeros : zeros.subspan(first, shape.channels),
                              codes.subspan(start, group_elements));
  }
}

}  // namespace qi8
