#include "kernels/reference.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

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

float At(std::span<const float> zero_points, std::size_t i) {
  return zero_points.empty() ? 0 : zero_points[i];
}

}  // namespace

std::uint32_t AbsMaxBits(std::span<const float> values, Sign sign) {
  std::uint32_t max = 0;
  for (const float value : values) {
    max = std::max(max, Magnitude(value, sign));
  }
  return max;
}

void AbsMaxBitsByColumn(std::span<const float> row_major, std::size_t first_column,
                        std::span<std::uint32_t> columns, Sign sign) {
  std::size_t c = first_column;
  for (const float value : row_major) {
    columns[c] = std::max(columns[c], Magnitude(value, sign));
    c = c + 1 == columns.size() ? 0 : c + 1;
  }
}

void QuantizeRow(std::span<const float> values, float scale, float zero_point, std::span<std::int8_t> out) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    out[i] = Quantize(values[i], scale, zero_point);
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

std::optional<std::size_t> FindNonFinite(std::span<const float> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (Magnitude(values[i]) >= kNonFiniteBits) {
      return i;
    }
  }
  return std::nullopt;
}

}  // namespace qi8::kernels::reference
