#include "exec/hashed_output.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <stdexcept>

#include "exec/counting_file.hpp"

namespace qi8 {
namespace {

using testing::CountingFile;

[[nodiscard]] std::string RandomText(std::size_t size) {
  std::mt19937 generator(5);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(generator());
  return text;
}

[[nodiscard]] std::span<const std::byte> Piece(const std::string& text, std::size_t offset,
                                               std::size_t length) {
  return std::as_bytes(std::span(text)).subspan(offset, length);
}

TEST(HashedOutput, ReadsNothingBackOfWhatIsWrittenInOrder) {
  const std::string text = RandomText(1'000'000);
  CountingFile file;
  HashedOutput output(file, text.size());
  for (std::size_t at = 0; at < text.size(); at += 100'000) output.Write(at, Piece(text, at, 100'000));
  EXPECT_EQ(output.Finish(), Sha256::HexOf(text));
  EXPECT_EQ(file.contents, text);
  EXPECT_EQ(file.bytes_read, 0U);
}

TEST(HashedOutput, TakesPiecesInAnyOrder) {
  const std::string text = RandomText(999'983);
  std::vector<std::size_t> cuts = {0, text.size()};
  std::mt19937 generator(6);
  for (int i = 0; i < 40; ++i) cuts.push_back(generator() % text.size());
  std::ranges::sort(cuts);
  std::vector<std::size_t> order(cuts.size() - 1);
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  for (int round = 0; round < 20; ++round) {
    std::shuffle(order.begin(), order.end(), generator);
    CountingFile file;
    HashedOutput output(file, text.size());
    for (const std::size_t i : order) output.Write(cuts[i], Piece(text, cuts[i], cuts[i + 1] - cuts[i]));
    ASSERT_EQ(output.Finish(), Sha256::HexOf(text));
  }
}

TEST(HashedOutput, TakesScatteredPiecesOnceTheyAreMarked) {
  const std::string text = RandomText(1000);
  CountingFile file;
  HashedOutput output(file, text.size());
  for (std::size_t i = 0; i < text.size(); i += 2) output.WritePiece(i, Piece(text, i, 1));
  for (std::size_t i = 1; i < text.size(); i += 2) output.WritePiece(i, Piece(text, i, 1));
  output.MarkWritten({0, text.size()});
  EXPECT_EQ(output.Finish(), Sha256::HexOf(text));
}

TEST(HashedOutput, GapsAreZero) {
  CountingFile file;
  HashedOutput output(file, 10);
  output.MarkWritten({4, 6});
  output.Write(0, Piece("abcd", 0, 4));
  EXPECT_EQ(output.Finish(), Sha256::HexOf(std::string("abcd\0\0\0\0\0\0", 10)));
}

TEST(HashedOutput, RefusesToFinishWithAHole) {
  CountingFile file;
  HashedOutput output(file, 10);
  output.Write(0, Piece("abcd", 0, 4));
  output.Write(5, Piece("fghij", 0, 5));
  EXPECT_THROW(static_cast<void>(output.Finish()), std::logic_error);
}

TEST(HashedOutput, StartsWritingBackEarly) {
  const std::string text = RandomText(1 << 20);
  CountingFile file;
  constexpr std::size_t kPieces = 40;
  HashedOutput output(file, kPieces * text.size());
  for (std::size_t i = 0; i < kPieces; ++i) output.Write(i * text.size(), Piece(text, 0, text.size()));
  EXPECT_EQ(file.written_back, 32U << 20U);
}

}  // namespace
}  // namespace qi8
