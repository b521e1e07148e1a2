#include "io/file_replacement.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qi8/error.hpp"
#include "support/temp_folder.hpp"

namespace qi8 {
namespace {

namespace fs = std::filesystem;
using testing::ReadFile;
using testing::TempFolder;
using testing::WriteFile;

class FileReplacementTest : public ::testing::Test {
 protected:
  FileReplacementTest() { WriteFile(file(), "old"); }
  [[nodiscard]] fs::path file() const { return folder_ / "c.yaml"; }
  [[nodiscard]] FileIdentity Identity() { return file_system_->Identify(file()).value(); }
  void Replace(const fs::path& path) {
    FileReplacement(*file_system_, path, Identity(), "new text").Publish();
  }

  TempFolder folder_;
  std::unique_ptr<FileSystem> file_system_ = MakePosixFileSystem();
};

TEST_F(FileReplacementTest, ReplacesTheContentsAndLeavesNothing) {
  Replace(file());
  EXPECT_EQ(ReadFile(file()), "new text");
  EXPECT_EQ(folder_.Listing().size(), 1U);
}

TEST_F(FileReplacementTest, WithoutPublishNothingChanges) {
  { FileReplacement staged(*file_system_, file(), Identity(), "new"); }
  EXPECT_EQ(ReadFile(file()), "old");
  EXPECT_EQ(folder_.Listing().size(), 1U);
}

TEST_F(FileReplacementTest, KeepsModeAndOwner) {
  for (const mode_t mode : {0600U, 0640U, 0664U, 0444U}) {
    ASSERT_EQ(::chmod(file().c_str(), mode), 0);
    if (::geteuid() == 0) {
      ASSERT_EQ(::chown(file().c_str(), 12345, 23456), 0);
    }
    struct stat before {};
    ASSERT_EQ(::stat(file().c_str(), &before), 0);
    Replace(file());
    struct stat after {};
    ASSERT_EQ(::stat(file().c_str(), &after), 0);
    EXPECT_EQ(after.st_mode, before.st_mode);
    EXPECT_EQ(after.st_uid, before.st_uid);
    EXPECT_EQ(after.st_gid, before.st_gid);
    EXPECT_NE(after.st_ino, before.st_ino) << "it is another file, not a written one";
  }
}

TEST_F(FileReplacementTest, GoesThroughALink) {
  fs::create_directory(folder_ / "etc");
  fs::create_symlink("../c.yaml", folder_ / "etc" / "link");
  Replace(folder_ / "etc" / "link");
  EXPECT_TRUE(fs::is_symlink(folder_ / "etc" / "link"));
  EXPECT_FALSE(fs::is_symlink(file()));
  EXPECT_EQ(ReadFile(file()), "new text");
}

TEST_F(FileReplacementTest, RefusesAFileThatChangedMeanwhile) {
  {
    FileReplacement staged(*file_system_, file(), Identity(), "new");
    WriteFile(file(), "written by somebody else");
    EXPECT_THROW(staged.Publish(), Error);
  }
  EXPECT_EQ(ReadFile(file()), "written by somebody else");
  EXPECT_EQ(folder_.Listing().size(), 1U);
}

TEST_F(FileReplacementTest, RefusesAFileThatIsGone) {
  FileReplacement staged(*file_system_, file(), Identity(), "new");
  fs::remove(file());
  EXPECT_THROW(staged.Publish(), Error);
  EXPECT_FALSE(fs::exists(file()));
}

}  // namespace
}  // namespace qi8
