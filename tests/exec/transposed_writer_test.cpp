#include "exec/transposed_writer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "exec/counting_file.hpp"
#include "hash/sha256.hpp"

namespace qi8 {
namespace {

using testing::CountingFile;

struct Case {
  std::uint64_t rows, columns;
  std::uint64_t piece;     // elements: whole rows, or a part of one
  std::uint64_t capacity;  // bytes
  int writes;
};

// As [columns, rows] what was [rows, columns].
[[nodiscard]] std::string Transpose(const std::string& text, std::uint64_t rows, std::uint64_t columns) {
  std::string result(text.size(), '\0');
  for (std::uint64_t r = 0; r < rows; ++r) {
    for (std::uint64_t c = 0; c < columns; ++c) result[c * rows + r] = text[r * columns + c];
  }
  return result;
}

TEST(TransposedWriter, WritesTheMatrixInFewPieces) {
  const std::vector<Case> cases = {
      {12, 5, 10, 1000, 5},  // room for all: a write for each column
      {12, 5, 10, 20, 15},   // room for four rows
      {12, 5, 15, 20, 15},   // pieces of three rows, room for four
      {11, 5, 10, 35, 10},   // the last collection and the last piece are short
      {12, 5, 60, 20, 15},   // one piece fills several collections
      {4, 10, 3, 20, 20},    // pieces that are a part of a row
      {4, 10, 3, 5, 40},     // a row larger than the room: each piece at once
      {1, 7, 7, 100, 7},    {7, 1, 3, 100, 1},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(std::to_string(&c - cases.data()));
    CountingFile file;
    const std::uint64_t bytes = c.rows * c.columns;
    HashedOutput output(file, bytes + 3);
    output.MarkWritten({0, 3});
    std::string text(bytes, '\0');
    for (std::uint64_t i = 0; i < bytes; ++i) text[i] = static_cast<char>(i + 1);
    TransposedWriter writer(c.capacity);
    const TransposedMatrix matrix{&output, 3, c.rows, c.columns};
    for (std::uint64_t at = 0; at < bytes;) {
      const bool in_row = c.piece < c.columns;
      const std::uint64_t left = in_row ? c.columns - at % c.columns : bytes - at;
      const std::string piece = text.substr(at, std::min(c.piece, left));
      const std::uint64_t rows = in_row ? 1 : piece.size() / c.columns;
      const std::string turned = Transpose(piece, rows, piece.size() / rows);
      writer.Write(matrix, at, std::as_bytes(std::span(turned)));
      at += piece.size();
    }
    EXPECT_EQ(file.contents.substr(3), Transpose(text, c.rows, c.columns));
    EXPECT_EQ(output.Finish(), Sha256::HexOf(file.contents));
    EXPECT_EQ(file.writes, c.writes);
  }
}

TEST(TransposedWriter, TakesOneMatrixAfterAnother) {
  CountingFile file;
  HashedOutput output(file, 12);
  TransposedWriter writer(100);
  const std::string first =
      "ad"
      "be"
      "cf";  // [3, 2] of a piece of two rows of three
  writer.Write({&output, 0, 2, 3}, 0, std::as_bytes(std::span(first)));
  const std::string second =
      "gj"
      "hk"
      "il";
  writer.Write({&output, 6, 2, 3}, 0, std::as_bytes(std::span(second)));
  EXPECT_EQ(file.contents, "adbecfgjhkil");
  EXPECT_EQ(output.Finish(), Sha256::HexOf("adbecfgjhkil"));
}

// Scales of blocks: elements of four bytes, which stay together.
TEST(TransposedWriter, TakesElementsOfSeveralBytes) {
  for (const std::uint64_t capacity : {100U, 16U, 4U}) {
    CountingFile file;
    HashedOutput output(file, 24);
    TransposedWriter writer(capacity);
    const TransposedMatrix matrix{&output, 0, 2, 3, 4};
    for (const auto& [first, piece] : {std::pair(0, "a000b000c000"), std::pair(3, "d111e111f111")}) {
      writer.Write(matrix, static_cast<std::uint64_t>(first),
                   std::as_bytes(std::span(std::string_view(piece))));
    }
    EXPECT_EQ(file.contents, "a000d111b000e111c000f111") << capacity;
    EXPECT_EQ(output.Finish(), Sha256::HexOf(file.contents));
  }
}

}  // namespace
}  // namespace qi8
