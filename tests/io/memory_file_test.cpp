#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "io/file_system.hpp"
#include "qi8/error.hpp"

namespace qi8 {
namespace {

using ::testing::HasSubstr;

[[nodiscard]] std::string Read(const ReadableFile& file, std::uint64_t offset, std::size_t length) {
  std::string bytes(length, '?');
  file.ReadAt(offset, std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

TEST(MemoryFile, ReadsLikeAFile) {
  const auto file = MakeMemoryFile("numbers of model.onnx", "0123456789");
  EXPECT_EQ(file->path(), "numbers of model.onnx");
  EXPECT_EQ(file->Identity().size, 10U);
  EXPECT_EQ(Read(*file, 0, 10), "0123456789");
  EXPECT_EQ(Read(*file, 3, 4), "3456");
  EXPECT_EQ(Read(*file, 10, 0), "");
}

TEST(MemoryFile, ReadingPastTheEndTellsTheNumbers) {
  const auto file = MakeMemoryFile("numbers", std::string(1234, 'x'));
  try {
    static_cast<void>(Read(*file, 1200, 35));
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kFailure);
    EXPECT_THAT(error.what(), HasSubstr("'numbers'"));
    EXPECT_THAT(error.what(), HasSubstr("1,234 bytes"));
    EXPECT_THAT(error.what(), HasSubstr("35"));
    EXPECT_THAT(error.what(), HasSubstr("1,200"));
  }
}

TEST(MemoryFile, AnOffsetThatOverflowsIsPastTheEnd) {
  const auto file = MakeMemoryFile("numbers", "0123456789");
  EXPECT_THROW(static_cast<void>(Read(*file, UINT64_MAX, 2)), Error);
  EXPECT_THROW(static_cast<void>(Read(*file, 11, 0)), Error);
}

TEST(MemoryFile, EmptyHasNothingToRead) {
  const auto file = MakeMemoryFile("none", "");
  EXPECT_EQ(Read(*file, 0, 0), "");
  EXPECT_THROW(static_cast<void>(Read(*file, 0, 1)), Error);
}

}  // namespace
}  // namespace qi8
