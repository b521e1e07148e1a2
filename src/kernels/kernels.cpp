// Compiles the SIMD body for every instruction set and dispatches the public functions to the best one.

#include "kernels/kernels.hpp"

#include <cassert>

#include "kernels/reference.hpp"

// The order of these is Highway's: its settings; foreach_target.h, which includes the body once for each
// target but one; then that one.
// clang-format off
#include "kernels/dispatch.hpp"
#define HWY_TARGET_INCLUDE "kernels/kernels-inl.hpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include "kernels/kernels-inl.hpp"
// clang-format on

namespace qi8::kernels {

HWY_EXPORT(AbsMaxBitsByRow);
HWY_EXPORT(AbsMaxBitsByColumn);
HWY_EXPORT(QuantizeByRow);
HWY_EXPORT(QuantizeByColumn);
HWY_EXPORT(QuantizeTransposed);
HWY_EXPORT(WidenFloat16);
HWY_EXPORT(WidenBfloat16);

// The function to call for the public function of that name.
#define QI8_CHOSEN(FUNCTION) \
  (internal::ReferenceForced() ? reference::FUNCTION : HWY_DYNAMIC_DISPATCH(FUNCTION))

void AbsMaxBitsByRow(std::span<const float> row_major, std::span<std::uint32_t> rows, Sign sign) {
  assert(rows.empty() ? row_major.empty() : row_major.size() % rows.size() == 0);
  QI8_CHOSEN(AbsMaxBitsByRow)(row_major, rows, sign);
}

void AbsMaxBitsByColumn(std::span<const float> row_major, std::size_t first_column,
                        std::span<std::uint32_t> columns, Sign sign) {
  assert(row_major.empty() || first_column < columns.size());
  QI8_CHOSEN(AbsMaxBitsByColumn)(row_major, first_column, columns, sign);
}

void QuantizeByRow(std::span<const float> row_major, std::span<const float> scales,
                   std::span<const float> zero_points, std::span<std::int8_t> out) {
  assert(scales.empty() ? row_major.empty() : row_major.size() % scales.size() == 0);
  assert(out.size() == row_major.size());
  assert(zero_points.empty() || zero_points.size() == scales.size());
  QI8_CHOSEN(QuantizeByRow)(row_major, scales, zero_points, out);
}

void QuantizeByColumn(std::span<const float> row_major, std::size_t first_column,
                      std::span<const float> scales, std::span<const float> zero_points,
                      std::span<std::int8_t> out) {
  assert(row_major.empty() || first_column < scales.size());
  assert(out.size() == row_major.size());
  assert(zero_points.empty() || zero_points.size() == scales.size());
  QI8_CHOSEN(QuantizeByColumn)(row_major, first_column, scales, zero_points, out);
}

void QuantizeTransposed(std::span<const float> row_major, std::size_t rows, std::size_t cols,
                        std::span<const float> row_scales, std::span<const float> row_zero_points,
                        std::int8_t* out, std::size_t out_stride) {
  assert(row_major.size() == rows * cols);
  assert(row_scales.size() == rows && out_stride >= rows);
  assert(row_zero_points.empty() || row_zero_points.size() == rows);
  QI8_CHOSEN(QuantizeTransposed)(row_major, rows, cols, row_scales, row_zero_points, out, out_stride);
}

void WidenFloat16(std::span<const std::byte> in, std::span<float> out) {
  assert(in.size() == out.size() * sizeof(std::uint16_t));
  QI8_CHOSEN(WidenFloat16)(in, out);
}

void WidenBfloat16(std::span<const std::byte> in, std::span<float> out) {
  assert(in.size() == out.size() * sizeof(std::uint16_t));
  QI8_CHOSEN(WidenBfloat16)(in, out);
}

#undef QI8_CHOSEN

std::optional<std::size_t> FindNonFinite(std::span<const float> values) {
  // Weights are rarely not finite: look by the maximum of all, and only then element by element.
  std::uint32_t max = 0;
  AbsMaxBitsByRow(values, {&max, 1});
  return max >= kNonFiniteBits ? reference::FindNonFinite(values) : std::nullopt;
}

std::int64_t internal::CompiledTargets() { return HWY_TARGETS; }

}  // namespace qi8::kernels
