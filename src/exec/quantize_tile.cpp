#include "exec/quantize_tile.hpp"

#include <algorithm>
#include <vector>

#include "exec/matrix_part.hpp"
#include "kernels/kernels.hpp"

namespace qi8 {
namespace {

// `part` of what is there for each channel, or of the zero points that are all 0 and so are not there.
std::span<const float> PartOf(std::span<const float> channels, std::uint64_t first, std::uint64_t count) {
  return channels.empty() ? channels : channels.subspan(first, count);
}

// A number for each row: `first_row` and those after it, or one for all.
std::vector<float> OfRows(const std::vector<float>& numbers, std::uint64_t first_row, std::uint64_t rows) {
  if (numbers.empty()) return {};
  if (numbers.size() == 1) return std::vector<float>(rows, numbers[0]);
  const auto first = numbers.begin() + static_cast<std::ptrdiff_t>(first_row);
  return {first, first + static_cast<std::ptrdiff_t>(rows)};
}

}  // namespace

void QuantizeTile(const ChannelShape& shape, std::uint64_t first_element, const TileValues& values,
                  const ChannelParameters& parameters, std::span<std::int8_t> codes) {
  const std::span<const float> scales(parameters.scales);
  const std::span<const float> zeros(parameters.zero_points);
  values.ForEachPiece(shape.group_elements(), [&](std::uint64_t start, std::span<const float> piece) {
    const std::uint64_t in_group = std::min<std::uint64_t>(shape.group_elements(), piece.size());
    const std::uint64_t groups = piece.size() / in_group;
    const std::uint64_t first_group = start / shape.group_elements();
    const auto piece_codes = codes.subspan(start, piece.size());
    if (shape.channels == 1) {
      return kernels::QuantizeByRow(piece, scales.subspan(first_group, groups),
                                    PartOf(zeros, first_group, groups), piece_codes);
    }
    for (std::uint64_t g = 0; g < groups; ++g) {
      const std::uint64_t first = (first_group + g) * shape.channels;
      kernels::QuantizeByColumn(piece.subspan(g * in_group, in_group),
                                (first_element + start) % shape.channels,
                                scales.subspan(first, shape.channels), PartOf(zeros, first, shape.channels),
                                piece_codes.subspan(g * in_group, in_group));
    }
  });
}

void QuantizeTileTransposed(const Transposition& matrices, std::uint64_t first_element,
                            const TileValues& values, const ChannelParameters& parameters,
                            std::span<std::int8_t> codes) {
  ForEachMatrix(matrices, first_element, values.size(), [&](const MatrixPart& part) {
    const std::uint64_t first_row = part.start / part.columns;
    const std::vector<float> scales = OfRows(parameters.scales, first_row, part.rows);
    const std::vector<float> zeros = OfRows(parameters.zero_points, first_row, part.rows);
    const auto part_codes = codes.subspan(part.start, part.elements());
    values.ForEachBlock(
        part.start, part.rows, part.columns, [&](const MatrixBlock& block, std::span<const float> numbers) {
          kernels::QuantizeTransposed(
              numbers, block.rows, block.columns, PartOf(scales, block.first_row, block.rows),
              PartOf(zeros, block.first_row, block.rows),
              part_codes.data() + block.first_column * part.rows + block.first_row, part.rows);
        });
  });
}

void TransposeCodes(const Transposition& matrices, std::uint64_t first_element,
                    std::span<const std::int8_t> codes, std::span<std::int8_t> transposed) {
  // Squares that fit the first-level cache in both orders.
  constexpr std::uint64_t kSide = 64;
  ForEachMatrix(matrices, first_element, codes.size(), [&](const MatrixPart& part) {
    const std::int8_t* const from = codes.data() + part.start;
    std::int8_t* const to = transposed.data() + part.start;
    for (std::uint64_t row = 0; row < part.rows; row += kSide) {
      const std::uint64_t end_row = std::min(row + kSide, part.rows);
      for (std::uint64_t column = 0; column < part.columns; column += kSide) {
        const std::uint64_t end_column = std::min(column + kSide, part.columns);
        for (std::uint64_t c = column; c < end_column; ++c) {
          for (std::uint64_t r = row; r < end_row; ++r) to[c * part.rows + r] = from[r * part.columns + c];
        }
      }
    }
  });
}

}  // namespace qi8
