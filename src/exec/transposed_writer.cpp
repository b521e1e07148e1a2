#include "exec/transposed_writer.hpp"

#include <algorithm>

namespace qi8 {

void TransposedWriter::Write(const TransposedMatrix& matrix, std::uint64_t first_element,
                             std::span<const std::byte> transposed) {
  const std::uint64_t size = matrix.element_bytes;
  const std::uint64_t elements = transposed.size() / size;
  if (first_element == 0) {
    first_row_ = 0;
    // Where not even one row fits the capacity, stride_ is 0 and no rows are collected.
    stride_ = std::min(matrix.rows, capacity_ / (matrix.columns * size));
    collected_.resize(stride_ * matrix.columns * size);
  }
  const std::uint64_t rows = std::max<std::uint64_t>(1, elements / matrix.columns);
  const std::uint64_t columns = elements / rows;
  const std::uint64_t first_column = first_element % matrix.columns;
  std::uint64_t row = first_element / matrix.columns;
  const std::uint64_t end_row = row + rows;
  for (std::uint64_t taken = 0; stride_ > 0 && row < end_row;) {
    const std::uint64_t count = std::min(end_row - row, first_row_ + stride_ - row);
    for (std::uint64_t c = 0; c < columns; ++c) {
      const std::uint64_t place = (first_column + c) * stride_ + row - first_row_;
      std::ranges::copy(transposed.subspan((c * rows + taken) * size, count * size),
                        collected_.begin() + static_cast<std::ptrdiff_t>(place * size));
    }
    row += count;
    taken += count;
    const bool rows_are_whole = first_column + columns == matrix.columns;
    if (rows_are_whole && (row == first_row_ + stride_ || row == matrix.rows))
      Flush(matrix, row - first_row_);
    if (!rows_are_whole) break;
  }
  for (std::uint64_t c = 0; stride_ == 0 && c < columns; ++c) {
    matrix.file->WritePiece(matrix.offset + ((first_column + c) * matrix.rows + row) * size,
                            transposed.subspan(c * rows * size, rows * size));
  }
  const std::uint64_t all = matrix.rows * matrix.columns;
  if (first_element + elements == all) matrix.file->MarkWritten({matrix.offset, all * size});
}

void TransposedWriter::Flush(const TransposedMatrix& matrix, std::uint64_t rows) {
  const std::uint64_t size = matrix.element_bytes;
  const std::span<const std::byte> collected(collected_);
  for (std::uint64_t c = 0; c < matrix.columns; ++c) {
    matrix.file->WritePiece(matrix.offset + (c * matrix.rows + first_row_) * size,
                            collected.subspan(c * stride_ * size, rows * size));
  }
  first_row_ += rows;
}

}  // namespace qi8
