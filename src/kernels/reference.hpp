// What each kernel of kernels.hpp means, as plain loops with the same signatures and preconditions. This is
// also what runs where there is no SIMD, and what every SIMD body is tested against.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "kernels/kernels.hpp"

namespace qi8::kernels::reference {

void AbsMaxBitsByRow(std::span<const float> row_major, std::span<std::uint32_t> rows, Sign sign = Sign::kAny);

void AbsMaxBitsByColumn(std::span<const float> row_major, std::size_t first_column,
                        std::span<std::uint32_t> columns, Sign sign = Sign::kAny);

void QuantizeByRow(std::span<const float> row_major, std::span<const float> scales,
                   std::span<const float> zero_points, std::span<std::int8_t> out);

void QuantizeByColumn(std::span<const float> row_major, std::size_t first_column,
                      std::span<const float> scales, std::span<const float> zero_points,
                      std::span<std::int8_t> out);

void QuantizeTransposed(std::span<const float> row_major, std::size_t rows, std::size_t cols,
                        std::span<const float> row_scales, std::span<const float> row_zero_points,
                        std::int8_t* out, std::size_t out_stride);

void WidenFloat16(std::span<const std::byte> in, std::span<float> out);
void WidenBfloat16(std::span<const std::byte> in, std::span<float> out);

[[nodiscard]] std::optional<std::size_t> FindNonFinite(std::span<const float> values);

}  // namespace qi8::kernels::reference
