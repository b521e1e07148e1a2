// What only a real disk shows of a folder; what it shares with its double is in folder_test.cpp.
#include "io/posix_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

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
using ::testing::IsEmpty;

void WriteText(WritableFile& file, std::uint64_t offset, std::string_view text) {
  file.WriteAt(offset, std::as_bytes(std::span(text)));
}

class PosixFolderTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::unique_ptr<Folder> Here() const { return posix::OpenFolder(folder_.path()); }

  TempFolder folder_;
};

// The folder that is open is meant, not its path.
TEST_F(PosixFolderTest, StaysTheFolderThatWasOpened) {
  fs::create_directory(folder_ / "ours");
  fs::create_directory(folder_ / "theirs");
  WriteFile(folder_ / "theirs" / "precious", "p");
  const auto ours = posix::OpenFolder(folder_ / "ours");
  fs::rename(folder_ / "ours", folder_ / "moved");
  fs::create_directory_symlink("theirs", folder_ / "ours");
  ours->Create("a")->Close();
  ours->Remove("precious");
  EXPECT_TRUE(fs::exists(folder_ / "moved" / "a"));
  EXPECT_THAT(ours->List(), ::testing::ElementsAre("a"));
  EXPECT_EQ(ReadFile(ours->StablePath() / "a"), "");
  EXPECT_EQ(ReadFile(folder_ / "theirs" / "precious"), "p");
  EXPECT_FALSE(fs::exists(folder_ / "theirs" / "a"));
}

TEST_F(PosixFolderTest, SaysThatALinkIsInTheWay) {
  fs::create_directory_symlink(folder_.path(), folder_ / "link");
  EXPECT_THAT(FailureOf([&] { static_cast<void>(Here()->OpenFolder("link")); }),
              AllOf(HasSubstr("/link'"), HasSubstr("it is a symbolic link")));
  EXPECT_THAT(FailureOf([&] { static_cast<void>(Here()->Lock("link")); }),
              HasSubstr("it is a symbolic link"));
}

TEST_F(PosixFolderTest, LocksOnlyARegularFileOfOneName) {
  WriteFile(folder_ / "precious", "p");
  fs::create_hard_link(folder_ / "precious", folder_ / "lock");
  EXPECT_THAT(FailureOf([&] { static_cast<void>(Here()->Lock("lock")); }), HasSubstr("of one name"));
  EXPECT_EQ(ReadFile(folder_ / "precious"), "p");
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(FailureOf([&] { static_cast<void>(Here()->Lock("pipe")); }), HasSubstr("not a regular file"));
}

// A folder in which others may write is one where they may put something.
TEST_F(PosixFolderTest, MakesFoldersThatOnlyTheUserMayWriteTo) {
  const mode_t before = ::umask(0);
  ASSERT_TRUE(Here()->MakeFolder("made"));
  ::umask(before);
  EXPECT_EQ(fs::status(folder_ / "made").permissions(), fs::perms(0755));
}

TEST_F(PosixFolderTest, WritesAndReadsBack) {
  const auto file = Here()->Create("file");
  file->Reserve(10);
  EXPECT_EQ(fs::file_size(folder_ / "file"), 10U);
  WriteText(*file, 5, "56789");
  WriteText(*file, 0, "01234");
  std::string back(4, '?');
  file->ReadAt(3, std::as_writable_bytes(std::span(back)));
  EXPECT_EQ(back, "3456");
  file->StartWriteBack(0, 10);
  file->Sync();
  file->Close();
  EXPECT_EQ(ReadFile(folder_ / "file"), "0123456789");
}

TEST_F(PosixFolderTest, ReservingNothingIsFine) {
  const auto file = Here()->Create("file");
  file->Reserve(0);
  file->Close();
  EXPECT_EQ(ReadFile(folder_ / "file"), "");
}

TEST_F(PosixFolderTest, ReservedBytesAreZeroAndTaken) {
  constexpr std::uint64_t kSize = 1 << 20;
  const auto file = Here()->Create("file");
  file->Reserve(kSize);
  struct stat status {};
  ASSERT_EQ(::stat((folder_ / "file").c_str(), &status), 0);
  EXPECT_EQ(status.st_size, static_cast<off_t>(kSize));
  EXPECT_GE(status.st_blocks * 512, static_cast<off_t>(kSize)) << "a hole would meet a full disk later";
  EXPECT_EQ(ReadFile(folder_ / "file"), std::string(kSize, '\0'));
}

TEST_F(PosixFolderTest, AFullDiskShowsWhenSpaceIsReserved) {
  constexpr std::uint64_t kMoreThanAnyDisk = 1ULL << 50U;
  const auto file = Here()->Create("file");
  EXPECT_THAT(FailureOf([&] { file->Reserve(kMoreThanAnyDisk); }),
              AllOf(HasSubstr("reserve space"), HasSubstr((folder_ / "file").native())));
}

TEST_F(PosixFolderTest, CreatesOnlyWhatDoesNotExist) {
  WriteFile(folder_ / "file", "mine");
  EXPECT_THAT(FailureOf([&] { static_cast<void>(Here()->Create("file")); }),
              AllOf(HasSubstr("cannot create"), HasSubstr("/file'"), HasSubstr("exists")));
  EXPECT_EQ(ReadFile(folder_ / "file"), "mine");
  fs::create_symlink("elsewhere", folder_ / "dangling");
  EXPECT_THAT(FailureOf([&] { static_cast<void>(Here()->Create("dangling")); }), HasSubstr("exists"));
  EXPECT_FALSE(fs::exists(folder_ / "elsewhere"));
}

TEST_F(PosixFolderTest, TellsWhatItCannotDo) {
  EXPECT_THAT(FailureOf([&] { Here()->Rename("missing", *Here(), "c"); }), HasSubstr("/c'"));
  fs::create_directory(folder_ / "inner");
  EXPECT_THAT(FailureOf([&] { Here()->Remove("inner"); }), HasSubstr("cannot remove"));
  EXPECT_THAT(FailureOf([&] { static_cast<void>(posix::OpenFolder(folder_ / "missing")); }),
              AllOf(HasSubstr("open the folder"), HasSubstr("/missing'")));
  WriteFile(folder_ / "file", "");
  EXPECT_THAT(FailureOf([&] { static_cast<void>(posix::OpenFolder(folder_ / "file")); }),
              HasSubstr("/file'"));
}

}  // namespace
}  // namespace qi8
