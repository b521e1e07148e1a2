#include "kernels/scale.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace qi8::kernels {
namespace {

CodeRange RangeOf(const Scheme& scheme) {
  const bool is_signed = scheme.type != WeightType::kUint8;
  if (scheme.reduce_range) return is_signed ? CodeRange{-64, 64} : CodeRange{0, 127};
  if (scheme.symmetric) return is_signed ? CodeRange{-127, 127} : CodeRange{0, 254};
  return is_signed ? CodeRange{-128, 127} : CodeRange{0, 255};
}

}  // namespace

CodeParameters ParametersOf(const Scheme& scheme, const Extent& extent) {
  const bool symmetric = scheme.symmetric;
  const auto max = std::bit_cast<float>(symmetric ? std::max(extent.above, extent.below) : extent.above);
  const float min = -(symmetric ? max : std::bit_cast<float>(extent.below));
  const float difference = max - min;
  const auto width = std::isinf(difference) ? static_cast<double>(max) - static_cast<double>(min)
                                            : static_cast<double>(difference);
  const CodeRange range = RangeOf(scheme);
  const double scale = width / static_cast<double>(range.high - range.low);
  if (scale < std::numeric_limits<float>::min()) return {};
  const double zero = symmetric ? static_cast<double>(range.low + range.high) / 2
                                : static_cast<double>(range.low) - static_cast<double>(min) / scale;
  return {static_cast<float>(scale), static_cast<std::int32_t>(std::nearbyint(zero))};
}

CodeRange CodesOf(const Scheme& scheme) {
  constexpr int kUint8Offset = 128;
  const CodeRange range = RangeOf(scheme);
  const int less = scheme.type == WeightType::kUint8 ? kUint8Offset : 0;
  return {range.low - less, range.high - less};
}

}  // namespace qi8::kernels
