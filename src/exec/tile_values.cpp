#include "exec/tile_values.hpp"

#include <algorithm>
#include <array>
#include <bit>

#include "core/piece.hpp"
#include "kernels/kernels.hpp"
#include "kernels/narrow.hpp"
#include "kernels/widen.hpp"

namespace qi8 {
namespace {

using Piece = std::array<float, kernels::kWidenedElements>;

// Columns of a block, so that its rows are as many. What is written transposed then comes in whole cache
// lines.
constexpr std::uint64_t kBlockColumns = 64;

}  // namespace

void TileValues::ForEachPiece(std::uint64_t unit, const Visit& visit) const {
  if (size() == 0) return;
  if (type_ == DataType::kFloat) return visit(0, Floats());
  alignas(128) Piece piece;
  for (std::uint64_t start = 0; start < size();) {
    const std::uint64_t count = std::min(size() - start, PieceLength(start, unit, kernels::kWidenedElements));
    const auto values = std::span(piece).first(count);
    Widen(start, values);
    visit(start, values);
    start += count;
  }
}

void TileValues::ForEachBlock(std::uint64_t start, std::uint64_t rows, std::uint64_t columns,
                              const VisitBlock& visit) const {
  if (rows * columns == 0) return;
  if (type_ == DataType::kFloat) {
    return visit({.rows = rows, .columns = columns}, Floats().subspan(start, rows * columns));
  }
  alignas(128) Piece piece;
  const std::uint64_t most_columns = std::min(columns, kBlockColumns);
  const std::uint64_t most_rows = kernels::kWidenedElements / most_columns;
  for (std::uint64_t row = 0; row < rows; row += most_rows) {
    for (std::uint64_t column = 0; column < columns; column += most_columns) {
      const MatrixBlock block{row, column, std::min(most_rows, rows - row),
                              std::min(most_columns, columns - column)};
      const auto values = std::span(piece).first(block.rows * block.columns);
      for (std::uint64_t r = 0; r < block.rows; ++r) {
        Widen(start + (row + r) * columns + column, values.subspan(r * block.columns, block.columns));
      }
      visit(block, values);
    }
  }
}

std::span<const float> TileValues::Floats() const {
  return {reinterpret_cast<const float*>(bytes_.data()), size()};
}

void TileValues::Widen(std::uint64_t start, std::span<float> values) const {
  const std::uint64_t element = ElementBytes(type_);
  kernels::Widen(type_, bytes_.subspan(start * element, values.size() * element), values);
}

std::optional<std::uint64_t> FindNonFinite(const TileValues& values) {
  std::optional<std::uint64_t> found;
  values.ForEachPiece(1, [&](std::uint64_t start, std::span<const float> piece) {
    if (found) return;
    if (const auto index = kernels::FindNonFinite(piece)) found = start + *index;
  });
  return found;
}

std::optional<std::uint64_t> FindBeyondFloat16(const TileValues& values) {
  std::optional<std::uint64_t> found;
  values.ForEachPiece(1, [&](std::uint64_t start, std::span<const float> piece) {
    std::uint32_t largest = 0;
    kernels::AbsMaxBitsByRow(piece, {&largest, 1});
    if (found || largest < kernels::kFloat16OverflowBits) return;
    const auto first = std::ranges::find_if(piece, [](float value) {
      return (std::bit_cast<std::uint32_t>(value) & INT32_MAX) >= kernels::kFloat16OverflowBits;
    });
    found = start + static_cast<std::uint64_t>(first - piece.begin());
  });
  return found;
}

void NarrowTile(const TileValues& values, std::span<std::byte> into) {
  constexpr std::size_t kBytes = sizeof(std::uint16_t);
  values.ForEachPiece(1, [&](std::uint64_t start, std::span<const float> piece) {
    kernels::NarrowToFloat16(piece, into.subspan(start * kBytes, piece.size() * kBytes));
  });
}

}  // namespace qi8
