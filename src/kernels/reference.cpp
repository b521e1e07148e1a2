#include "kernels/reference.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "kernels/kernels.hpp"

namespace qi8::kernels::reference {
namespace {

std::uint32_t Magnitude(float value, Sign sign = Sign::kAny) {
  const bool counts = sign == Sign::kAny || std::signbit(value) == (sign == Sign::kNegative);
  return counts ? std::bit_cast<std::uint32_t>(value) & 0x7fffffffU : 0;
}

// Rounds as the floating-point environment says, which is half to even unless someone has changed it.
std::int8_t Quantize(float value, float scale, float zero_point) {
  return static_cast<std::int8_t>(std::clamp(std::nearbyint(value / scale) + zero_point, -128.0F, 127.0F));
}

// IEEE-754 binary16: 5 bits of exponent, biased by 15, and 10 of fraction.
float FromFloat16(std::uint16_t half) {
  const std::uint32_t magnitude = half & 0x7fffU;
  const std::uint32_t shifted = magnitude << 13U;
  constexpr std::uint32_t kRebias = (127U - 15U) << 23U;
  const std::uint32_t normal = shifted + kRebias;
  // A quiet NaN has the upper bit of its fraction set.
  const std::uint32_t infinite = (shifted + 2 * kRebias) | (magnitude > 0x7c00U ? 0x00400000U : 0);
  const auto tiny = std::bit_cast<std::uint32_t>(static_cast<float>(static_cast<int>(magnitude)) * 0x1p-24F);
  const std::uint32_t bits = magnitude < 0x0400U ? tiny : magnitude >= 0x7c00U ? infinite : normal;
  return std::bit_cast<float>(bits | (half & 0x8000U) << 16U);
}

float FromBfloat16(std::uint16_t upper) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(upper) << 16U);
}

template <typename Convert>
void WidenHalves(std::span<const std::byte> in, std::span<float> out, Convert convert) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::uint16_t half;
    std::memcpy(&half, in.data() + i * sizeof(half), sizeof(half));
    out[i] = convert(half);
  }
}

float At(std::span<const float> zero_points, std::size_t i) {
  return zero_points.empty() ? 0 : zero_points[i];
}

}  // namespace

void AbsMaxBitsByRow(std::span<const float> row_major, std::span<std::uint32_t> rows, Sign sign) {
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const std::size_t width = row_major.size() / rows.size();
    rows[r] = 0;
    for (const float value : row_major.subspan(r * width, width)) {
      rows[r] = std::max(rows[r], Magnitude(value, sign));
    }
  }
}

void AbsMaxBitsByColumn(std::span<const float> row_major, std::size_t first_column,
                        std::span<std::uint32_t> columns, Sign sign) {
  std::size_t c = first_column;
  for (const float value : row_major) {
    columns[c] = std::max(columns[c], Magnitude(value, sign));
    c = c + 1 == columns.size() ? 0 : c + 1;
  }
}

void QuantizeByRow(std::span<const float> row_major, std::span<const float> scales,
                   std::span<const float> zero_points, std::span<std::int8_t> out) {
  for (std::size_t i = 0; i < row_major.size(); ++i) {
    const std::size_t r = i / (row_major.size() / scales.size());
    out[i] = Quantize(row_major[i], scales[r], At(zero_points, r));
  }
}

void QuantizeByColumn(std::span<const float> row_major, std::size_t first_column,
                      std::span<const float> scales, std::span<const float> zero_points,
                      std::span<std::int8_t> out) {
  std::size_t c = first_column;
  for (std::size_t i = 0; i < row_major.size(); ++i) {
    out[i] = Quantize(row_major[i], scales[c], At(zero_points, c));
    c = c + 1 == scales.size() ? 0 : c + 1;
  }
}

void QuantizeTransposed(std::span<const float> row_major, std::size_t rows, std::size_t cols,
                        std::span<const float> row_scales, std::span<const float> row_zero_points,
                        std::int8_t* out, std::size_t out_stride) {
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < cols; ++c) {
      out[c * out_stride + r] = Quantize(row_major[r * cols + c], row_scales[r], At(row_zero_points, r));
    }
  }
}

void WidenFloat16(std::span<const std::byte> in, std::span<float> out) { WidenHalves(in, out, FromFloat16); }

void WidenBfloat16(std::span<const std::byte> in, std::span<float> out) {
  WidenHalves(in, out, FromBfloat16);
}

std::optional<std::size_t> FindNonFinite(std::span<const float> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (Magnitude(values[i]) >= kNonFiniteBits) {
      return i;
    }
  }
  return std::nullopt;
}

}  // namespace qi8::kernels::reference
