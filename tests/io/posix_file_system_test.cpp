#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <future>
#include <string>
#include <vector>

#include "io/file_system.hpp"
#include "qi8/error.hpp"
#include "support/failure.hpp"
#include "support/temp_folder.hpp"

namespace qi8 {
namespace {

namespace fs = std::filesystem;
using qi8::testing::FailureOf;
using qi8::testing::ReadFile;
using qi8::testing::TempFolder;
using qi8::testing::WriteFile;
using ::testing::AllOf;
using ::testing::HasSubstr;

[[nodiscard]] std::string Read(const ReadableFile& file, std::uint64_t offset, std::size_t length) {
  std::string bytes(length, '?');
  file.ReadAt(offset, std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

class PosixFileSystemTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string OpenFailure(const fs::path& path) {
    return FailureOf([&] { static_cast<void>(file_system_->OpenForReading(path)); });
  }
  TempFolder folder_;
  std::unique_ptr<FileSystem> file_system_ = MakePosixFileSystem();
};

TEST_F(PosixFileSystemTest, ReadsWhereItIsTold) {
  WriteFile(folder_ / "file", "0123456789");
  const auto file = file_system_->OpenForReading(folder_ / "file");
  EXPECT_EQ(file->path(), (folder_ / "file").native());
  EXPECT_EQ(Read(*file, 0, 10), "0123456789");
  EXPECT_EQ(Read(*file, 7, 3), "789");
  EXPECT_EQ(Read(*file, 10, 0), "");
}

TEST_F(PosixFileSystemTest, ReadsFromSeveralThreads) {
  std::string text(1 << 20, '\0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 7 % 253);
  WriteFile(folder_ / "file", text);
  const auto file = file_system_->OpenForReading(folder_ / "file");
  std::vector<std::future<bool>> readers;
  for (std::size_t t = 0; t < 4; ++t) {
    readers.push_back(std::async(std::launch::async, [&, t] {
      for (std::size_t start = t * 1000; start + 5000 < text.size(); start += 9973) {
        if (Read(*file, start, 5000) != text.substr(start, 5000)) return false;
      }
      return true;
    }));
  }
  for (auto& reader : readers) EXPECT_TRUE(reader.get());
}

TEST_F(PosixFileSystemTest, AShortReadTellsTheNumbers) {
  WriteFile(folder_ / "short", std::string(1500, 'x'));
  const auto file = file_system_->OpenForReading(folder_ / "short");
  EXPECT_THAT(FailureOf([&] { static_cast<void>(Read(*file, 1000, 2500)); }),
              AllOf(HasSubstr("cannot read"), HasSubstr((folder_ / "short").native()),
                    HasSubstr("byte 1,500"), HasSubstr("2,000 bytes early")));
}

TEST_F(PosixFileSystemTest, AFileThatIsCutShortWhileOpenIsAnError) {
  WriteFile(folder_ / "file", std::string(1000, 'x'));
  const auto file = file_system_->OpenForReading(folder_ / "file");
  EXPECT_EQ(Read(*file, 900, 100), std::string(100, 'x'));
  fs::resize_file(folder_ / "file", 500);
  EXPECT_THAT(FailureOf([&] { static_cast<void>(Read(*file, 900, 100)); }), HasSubstr("cut short"));
}

TEST_F(PosixFileSystemTest, OpensOnlyRegularFiles) {
  EXPECT_THAT(OpenFailure(folder_ / "missing"),
              AllOf(HasSubstr("cannot open"), HasSubstr("/missing'"), HasSubstr("No such file")));
  EXPECT_THAT(OpenFailure(folder_.path()), HasSubstr("it is a folder"));
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(OpenFailure(folder_ / "pipe"),
              HasSubstr("not a regular file"));  // and does not wait for a writer
  EXPECT_THAT(OpenFailure("/dev/null"), HasSubstr("not a regular file"));
}

TEST_F(PosixFileSystemTest, OpensThroughLinks) {
  WriteFile(folder_ / "file", "text");
  fs::create_symlink("file", folder_ / "link");
  EXPECT_EQ(Read(*file_system_->OpenForReading(folder_ / "link"), 0, 4), "text");
}

TEST_F(PosixFileSystemTest, ControlBytesOfANameDoNotReachTheTerminal) {
  EXPECT_THAT(OpenFailure(folder_ / "a\x1b[2Jb"), HasSubstr("a\\x1b[2Jb"));
}

TEST_F(PosixFileSystemTest, IdentifiesOneFileUnderAllItsNames) {
  WriteFile(folder_ / "file", "text");
  WriteFile(folder_ / "other", "text");
  fs::create_symlink("file", folder_ / "link");
  fs::create_hard_link(folder_ / "file", folder_ / "hard");
  const auto identity = file_system_->Identify(folder_ / "file");
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->size, 4U);
  EXPECT_TRUE(identity->SameFile(*file_system_->Identify(folder_ / "link")));
  EXPECT_TRUE(identity->SameFile(*file_system_->Identify(folder_ / "hard")));
  EXPECT_FALSE(identity->SameFile(*file_system_->Identify(folder_ / "other")));
  EXPECT_EQ(*identity, file_system_->OpenForReading(folder_ / "link")->Identity());
}

TEST_F(PosixFileSystemTest, IdentityTellsOfAChange) {
  WriteFile(folder_ / "file", "text");
  const auto file = file_system_->OpenForReading(folder_ / "file");
  const FileIdentity before = file->Identity();
  EXPECT_EQ(file->Identity(), before);
  fs::last_write_time(folder_ / "file",
                      fs::last_write_time(folder_ / "file") + std::chrono::nanoseconds(1000));
  EXPECT_NE(file->Identity(), before) << "of the same size, written a microsecond later";
  EXPECT_TRUE(file->Identity().SameFile(before));
}

TEST_F(PosixFileSystemTest, IdentifiesNothingWhereNothingIs) {
  EXPECT_FALSE(file_system_->Identify(folder_ / "missing"));
  EXPECT_FALSE(file_system_->Identify(folder_ / "missing" / "deeper"));
  WriteFile(folder_ / "file", "");
  EXPECT_FALSE(file_system_->Identify(folder_ / "file" / "beneath a file"));
  fs::create_symlink("loop", folder_ / "loop");
  EXPECT_THAT(FailureOf([&] { static_cast<void>(file_system_->Identify(folder_ / "loop")); }),
              HasSubstr("/loop'"));
}

TEST_F(PosixFileSystemTest, KnowsFolders) {
  WriteFile(folder_ / "file", "");
  fs::create_directory_symlink(folder_.path(), folder_ / "link");
  EXPECT_TRUE(file_system_->IsFolder(folder_.path()));
  EXPECT_TRUE(file_system_->IsFolder(folder_ / "link"));
  EXPECT_FALSE(file_system_->IsFolder(folder_ / "file"));
  EXPECT_FALSE(file_system_->IsFolder(folder_ / "missing"));
  EXPECT_TRUE(file_system_->IsWritableFolder(folder_.path()));
  EXPECT_FALSE(file_system_->IsWritableFolder(folder_ / "missing"));
}

TEST_F(PosixFileSystemTest, TellsFreeSpace) {
  const std::uint64_t expected = fs::space(folder_.path()).available;
  const std::uint64_t free = file_system_->FreeSpace(folder_.path());
  EXPECT_GT(free, expected / 2);
  EXPECT_LT(free, expected * 2);
  EXPECT_THAT(FailureOf([&] { static_cast<void>(file_system_->FreeSpace(folder_ / "missing")); }),
              HasSubstr("/missing'"));
}

}  // namespace
}  // namespace qi8
