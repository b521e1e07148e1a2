#include "exec/comparing_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace qi8 {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

[[nodiscard]] std::span<const std::byte> Bytes(const std::string& text) {
  return std::as_bytes(std::span(text));
}

class ComparingFileTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::vector<ByteRange> Write(const std::string& there, std::uint64_t offset,
                                             const std::string& bytes) {
    const auto file = MakeMemoryFile("there", there);
    std::vector<ByteRange> differences;
    ComparingFile comparing(*file, [&](ByteRange range) { differences.push_back(range); });
    comparing.WriteAt(offset, Bytes(bytes));
    return differences;
  }
};

TEST_F(ComparingFileTest, FindsNothingWhereBytesAreThereAlready) {
  EXPECT_THAT(Write("0123456789", 3, "3456"), IsEmpty());
  EXPECT_THAT(Write("0123456789", 0, "0123456789"), IsEmpty());
  EXPECT_THAT(Write("0123456789", 4, ""), IsEmpty());
}

TEST_F(ComparingFileTest, TellsFromTheFirstDifferenceToTheLast) {
  EXPECT_THAT(Write("0123456789", 2, "2x45y7"), ElementsAre(ByteRange{3, 4}));
  EXPECT_THAT(Write("0123456789", 9, "x"), ElementsAre(ByteRange{9, 1}));
}

TEST_F(ComparingFileTest, WhatLiesBehindTheEndDiffers) {
  EXPECT_THAT(Write("0123", 2, "23ab"), ElementsAre(ByteRange{4, 2}));
  EXPECT_THAT(Write("0123", 7, "a"), ElementsAre(ByteRange{7, 1}));
  EXPECT_THAT(Write("", 0, "a"), ElementsAre(ByteRange{0, 1}));
}

TEST_F(ComparingFileTest, LongWritesAreComparedToTheirEnd) {
  const std::string text(1'000'003, 'x');
  EXPECT_THAT(Write(text, 0, text), IsEmpty());
  for (const std::size_t at : {std::size_t{0}, std::size_t{262'143}, std::size_t{262'144}, text.size() - 1}) {
    std::string other = text;
    other[at] = 'y';
    EXPECT_THAT(Write(text, 0, other), ElementsAre(ByteRange{at, 1}));
  }
}

TEST_F(ComparingFileTest, ReadsWhatIsThereAndZerosBehindIt) {
  const auto file = MakeMemoryFile("there", "0123");
  const ComparingFile comparing(*file, [](ByteRange) {});
  std::string into(4, 'x');
  comparing.ReadAt(2, std::as_writable_bytes(std::span(into)));
  EXPECT_EQ(into, std::string("23\0\0", 4));
  comparing.ReadAt(9, std::as_writable_bytes(std::span(into)));
  EXPECT_EQ(into, std::string(4, '\0'));
}

}  // namespace
}  // namespace qi8
