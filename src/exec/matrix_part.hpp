// Tiles of weights that are written transposed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>

#include "plan/plan.hpp"

namespace qi8 {

// The part of a tile that lies in one matrix: whole rows of it, or a part of one row.
struct MatrixPart {
  std::uint64_t matrix = 0;
  std::uint64_t first_element = 0;  // of the matrix
  std::uint64_t start = 0;          // in the tile
  std::uint64_t rows = 0;
  std::uint64_t columns = 0;

  [[nodiscard]] std::uint64_t elements() const { return rows * columns; }
};

// Visits the parts of a tile of `count` elements that begins at `first_element` of the tensor.
inline void ForEachMatrix(const Transposition& matrices, std::uint64_t first_element, std::uint64_t count,
                          const std::function<void(const MatrixPart&)>& visit) {
  const std::uint64_t size = matrices.rows * matrices.columns;
  for (std::uint64_t start = 0; start < count;) {
    const std::uint64_t at = first_element + start;
    const std::uint64_t elements = std::min(count - start, size - at % size);
    const std::uint64_t columns = std::min(elements, matrices.columns);
    visit({at / size, at % size, start, elements / columns, columns});
    start += elements;
  }
}

}  // namespace qi8
