// The numbers of a tile as float32, whatever type they are stored as.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "core/data_type.hpp"

namespace qi8 {

// A part of a row-major matrix.
struct MatrixBlock {
  std::uint64_t first_row = 0;
  std::uint64_t first_column = 0;
  std::uint64_t rows = 0;
  std::uint64_t columns = 0;
};

// Numbers of other types are widened a piece at a time, just before they are needed: a piece then stays in
// the first-level cache, and no tile is in memory twice. float32 comes as one piece, where it is.
class TileValues {
 public:
  // `bytes` are little-endian elements of a floating-point type; those of float32 are aligned. They outlive
  // this.
  TileValues(DataType type, std::span<const std::byte> bytes) : type_(type), bytes_(bytes) {}
  template <std::convertible_to<std::span<const float>> Floats>
  TileValues(const Floats& values)  // NOLINT(google-explicit-constructor): they are a tile of float32
      : TileValues(DataType::kFloat, std::as_bytes(std::span<const float>(values))) {}

  [[nodiscard]] std::uint64_t size() const { return bytes_.size() / ElementBytes(type_); }

  // Visits all numbers, in their order, in pieces of whole units or a part of one; `start` is the number of
  // the first one. Units begin at multiples of `unit` (> 0) from the tile's begin. A piece is gone when
  // `visit` returns.
  using Visit = std::function<void(std::uint64_t start, std::span<const float> values)>;
  void ForEachPiece(std::uint64_t unit, const Visit& visit) const;

  // Visits all of a row-major matrix of rows x columns whose first number is `start`, in blocks, each
  // row-major too.
  using VisitBlock = std::function<void(const MatrixBlock& block, std::span<const float> values)>;
  void ForEachBlock(std::uint64_t start, std::uint64_t rows, std::uint64_t columns,
                    const VisitBlock& visit) const;

 private:
  std::span<const float> Floats() const;

  // Numbers [start, start + values.size()).
  void Widen(std::uint64_t start, std::span<float> values) const;

  DataType type_;
  std::span<const std::byte> bytes_;
};

// The number of the first NaN or infinity, if there is one.
[[nodiscard]] std::optional<std::uint64_t> FindNonFinite(const TileValues& values);

// The number of the first that is not finite as a float16, if there is one.
[[nodiscard]] std::optional<std::uint64_t> FindBeyondFloat16(const TileValues& values);

// All numbers as float16, which all of them are finite as. into.size() is twice values.size().
void NarrowTile(const TileValues& values, std::span<std::byte> into);

}  // namespace qi8
