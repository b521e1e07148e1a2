// What each kernel of kernels.hpp means, as plain loops with the same signatures and preconditions. This is
// also what runs where there is no SIMD, and what every SIMD body is tested against.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace qi8::kernels::reference {

[[nodiscard]] std::uint32_t AbsMaxBits(std::span<const float> values);

void AbsMaxBitsByColumn(std::span<const float> row_major, std::size_t first_column,
                        std::span<std::uint32_t> columns);

void QuantizeRow(std::span<const float> values, float scale, std::span<std::int8_t> out);

void QuantizeByColumn(std::span<const float> row_major, std::size_t first_column,
                      std::span<const float> scales, std::span<std::int8_t> out);

void QuantizeTransposed(std::span<const float> row_major, std::size_t rows, std::size_t cols,
                        std::span<const float> row_scales, std::int8_t* out, std::size_t out_stride);

[[nodiscard]] std::optional<std::size_t> FindNonFinite(std::span<const float> values);

}  // namespace qi8::kernels::reference
