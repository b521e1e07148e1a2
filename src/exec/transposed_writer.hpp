// Writing a matrix that comes row by row to a file that wants it column by column.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/byte_range.hpp"
#include "exec/hashed_output.hpp"

namespace qi8 {

// A matrix [rows, columns] of elements of some bytes each, to be stored as [columns, rows] at `offset` of
// `file`.
struct TransposedMatrix {
  HashedOutput* file = nullptr;
  std::uint64_t offset = 0;
  std::uint64_t rows = 0;
  std::uint64_t columns = 0;
  std::uint64_t element_bytes = 1;
};

// Takes the matrix in pieces that follow each other in row-major order, whole rows or parts of one row, and
// collects as many rows as it has room for before it writes: a column of few rows is a write of few bytes.
class TransposedWriter {
 public:
  explicit TransposedWriter(std::uint64_t capacity_bytes) : capacity_(capacity_bytes) {}

  // The next piece: elements from `first_element` on, as [columns of the piece, rows of the piece]. One
  // matrix is finished before the next begins.
  void Write(const TransposedMatrix& matrix, std::uint64_t first_element,
             std::span<const std::byte> transposed);

 private:
  void Flush(const TransposedMatrix& matrix, std::uint64_t rows);

  std::uint64_t capacity_;
  std::uint64_t first_row_ = 0;       // of those collected
  std::uint64_t stride_ = 0;          // rows that there is room for
  std::vector<std::byte> collected_;  // [columns, stride_]
};

}  // namespace qi8
