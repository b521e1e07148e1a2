// The inner loops over weights: largest magnitudes, and quantization to int8.
//
// Each function has one SIMD body, compiled for many instruction sets; the best one that this CPU has is
// chosen when first called (isa.hpp tells and overrides the choice). Every one of them gives the bits that
// reference.hpp gives, for every input within the preconditions, denormals, signed zeros and FLT_MAX
// included. The floating-point environment must be the default one: rounding to nearest even, denormals
// neither flushed nor taken for zero.
//
// Magnitudes are the IEEE-754 bits of a float without its sign (`bits & 0x7fffffff`). The order of these
// integers is the order of the magnitudes, and infinities and NaNs lie above every finite value, so one
// integer maximum finds the largest magnitude and also whether anything was not finite.
//
// Quantizing means q = clip(round_half_even(float32(w / scale)) + zero_point, -128, 127), the division being
// a true IEEE-754 one: multiplying by 1 / scale gives other codes for some weights. Zero points are whole
// numbers from -128 to 127, as floats; where a span of them is empty, they are 0. A uint8 code q with zero
// point z is the int8 code q - 128 with zero point z - 128. Preconditions: no weight is a NaN, each scale is
// finite and above 0, and output does not overlap input. Sizes are counts of elements; pointers need no
// alignment beyond that of their type.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace qi8::kernels {

// A magnitude of at least this is an infinity (equal) or a NaN (above).
inline constexpr std::uint32_t kNonFiniteBits = 0x7f800000U;

// Which numbers count; the magnitude of the others is taken for 0.
enum class Sign : std::uint8_t { kAny, kPositive, kNegative };

// The largest magnitude in each row of a row-major matrix of rows.size() rows; 0 where a row is empty.
// row_major.size() is a multiple of rows.size().
void AbsMaxBitsByRow(std::span<const float> row_major, std::span<std::uint32_t> rows, Sign sign = Sign::kAny);

// Columnwise maxima of a row-major matrix of columns.size() columns that arrives in contiguous pieces, each
// of which may begin and end within a row. `row_major` is one piece and its first element stands in column
// `first_column`
// (< columns.size()). Each columns[c] becomes the maximum of itself and the magnitudes in column c, so the
// caller begins with zeros.
void AbsMaxBitsByColumn(std::span<const float> row_major, std::size_t first_column,
                        std::span<std::uint32_t> columns, Sign sign = Sign::kAny);

// Quantizes a row-major matrix of scales.size() rows: each element by the scale and the zero point of its
// row. row_major.size() is a multiple of scales.size(), out.size() == row_major.size(), and
// zero_points.size() is 0 or scales.size().
void QuantizeByRow(std::span<const float> row_major, std::span<const float> scales,
                   std::span<const float> zero_points, std::span<std::int8_t> out);

// Quantizes a piece, as in AbsMaxBitsByColumn(), of a row-major matrix of scales.size() columns: each element
// by the scale and the zero point of its column. out.size() == row_major.size(), and zero_points.size() is 0
// or scales.size().
void QuantizeByColumn(std::span<const float> row_major, std::size_t first_column,
                      std::span<const float> scales, std::span<const float> zero_points,
                      std::span<std::int8_t> out);

// Quantizes whole rows, each by a scale of its own, and writes them as columns:
//   out[c * out_stride + r] = q(row_major[r * cols + c] / row_scales[r] + row_zero_points[r])
// row_major.size() == rows * cols, row_scales.size() == rows, row_zero_points.size() is 0 or rows,
// out_stride >= rows. What lies between the ends of the columns in `out` is left as it is.
void QuantizeTransposed(std::span<const float> row_major, std::size_t rows, std::size_t cols,
                        std::span<const float> row_scales, std::span<const float> row_zero_points,
                        std::int8_t* out, std::size_t out_stride);

// How many of `most` rows to give to QuantizeTransposed() at a time, `out_stride` being as many: what makes
// columns of whole cache lines, which do not meet in few sets of the first-level cache. `kernels_bench`, 128
// columns: 2048 rows 20 GiB/s, 1984 rows 28.
[[nodiscard]] constexpr std::size_t RowsToTranspose(std::size_t most) {
  constexpr std::size_t kCacheLine = 64;
  const std::size_t lines = most / kCacheLine;
  if (lines == 0) return most;
  return (lines % 8 == 0 ? lines - 1 : lines) * kCacheLine;
}

// Numbers of half the size, little-endian, as float32: exact. NaNs keep their bits, but that those of float16
// become quiet ones, as processors make them. in.size() is twice out.size().
void WidenFloat16(std::span<const std::byte> in, std::span<float> out);
void WidenBfloat16(std::span<const std::byte> in, std::span<float> out);

// The index of the first NaN or infinity, if there is one.
[[nodiscard]] std::optional<std::size_t> FindNonFinite(std::span<const float> values);

}  // namespace qi8::kernels
