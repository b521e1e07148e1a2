#include "io/staging_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "io/file_system.hpp"
#include "qi8/error.hpp"
#include "support/temp_folder.hpp"

namespace qi8 {
namespace {

namespace fs = std::filesystem;
using qi8::testing::ReadFile;
using qi8::testing::TempFolder;
using qi8::testing::WriteFile;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class StagingFolderTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::unique_ptr<StagingFolder> Claim() { return StagingFolder::Claim(*parent_, "staged"); }

  // The refusal, which leaves everything as it is.
  [[nodiscard]] std::string Refusal() {
    const auto before = folder_.Listing();
    try {
      static_cast<void>(Claim());
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kFailure);
      EXPECT_EQ(folder_.Listing(), before);
      EXPECT_THAT(error.what(), AllOf(HasSubstr("/staged"), HasSubstr("in the way"),
                                      HasSubstr("changed nothing"), HasSubstr("remove it")));
      return error.what();
    }
    ADD_FAILURE() << "no error";
    return "";
  }

  [[nodiscard]] fs::path staged() const { return folder_ / "staged"; }

  // As a run leaves it that was killed with something staged.
  void Abandon() {
    const auto claim = Claim();
    claim->folder().Create("file")->Close();
  }

  TempFolder folder_;
  std::unique_ptr<FileSystem> file_system_ = MakePosixFileSystem();
  std::unique_ptr<Folder> parent_ = file_system_->OpenFolder(folder_.path());
};

TEST_F(StagingFolderTest, IsHeldByOneAndRemoved) {
  auto claim = Claim();
  ASSERT_TRUE(claim);
  EXPECT_FALSE(Claim());
  EXPECT_THAT(claim->List(), IsEmpty());
  claim->Remove();
  EXPECT_THAT(folder_.Listing(), IsEmpty());
  EXPECT_TRUE(Claim());
}

TEST_F(StagingFolderTest, ThatIsNotEmptyStays) {
  const auto claim = Claim();
  WriteFile(staged() / "a", "text");
  claim->Remove();
  EXPECT_THAT(parent_->OpenFolder("staged")->List(), ElementsAre("a"));
}

TEST_F(StagingFolderTest, IsTakenOverFromARunThatWasKilled) {
  Abandon();
  EXPECT_THAT(Claim()->List(), ElementsAre("file"));
}

// Killed before it could write its record; there is nothing to lose then.
TEST_F(StagingFolderTest, IsTakenOverWithoutARecordWhereNothingIsInIt) {
  fs::create_directory(staged());
  EXPECT_TRUE(Claim());
  WriteFile(staged() / "lock", "");
  EXPECT_TRUE(Claim());
}

TEST_F(StagingFolderTest, IsNoLinkAndNoFile) {
  fs::create_directory(folder_ / "elsewhere");
  fs::create_directory_symlink("elsewhere", staged());
  EXPECT_THAT(Refusal(), HasSubstr("it is a symbolic link"));
  fs::remove(staged());
  WriteFile(staged(), "");
  EXPECT_THAT(Refusal(), HasSubstr("it is not a folder"));
  fs::remove(staged());
  ASSERT_EQ(::mkfifo(staged().c_str(), 0600), 0);
  EXPECT_THAT(Refusal(), HasSubstr("it is not a folder"));
}

// As git, tar and cp bring one along.
TEST_F(StagingFolderTest, IsNoCopyOfOne) {
  Abandon();
  fs::rename(staged(), folder_ / "original");
  fs::copy(folder_ / "original", staged(), fs::copy_options::recursive);
  EXPECT_THAT(Refusal(), HasSubstr("it may be a copy"));
  fs::remove(staged() / "file");
  EXPECT_TRUE(Claim()) << "nothing is in it";
}

TEST_F(StagingFolderTest, HasARecordWhereSomethingIsInIt) {
  fs::create_directory(staged());
  WriteFile(staged() / "file", "");
  EXPECT_THAT(Refusal(), HasSubstr("it has no record"));
  WriteFile(staged() / "lock", "somebody's own\n");
  EXPECT_THAT(Refusal(), HasSubstr("it has no record"));
  fs::remove(staged() / "file");
  EXPECT_THAT(Refusal(), HasSubstr("it has no record")) << "a lock with other text is somebody's file";
}

TEST_F(StagingFolderTest, HasALockThatIsNoOtherFile) {
  WriteFile(folder_ / "precious", "");
  fs::create_directory(staged());
  fs::create_symlink("../precious", staged() / "lock");
  EXPECT_THROW(static_cast<void>(Claim()), Error);
  fs::remove(staged() / "lock");
  fs::create_hard_link(folder_ / "precious", staged() / "lock");
  EXPECT_THROW(static_cast<void>(Claim()), Error);
  fs::remove(staged() / "lock");
  ASSERT_EQ(::mkfifo((staged() / "lock").c_str(), 0600), 0);
  EXPECT_THROW(static_cast<void>(Claim()), Error);
  EXPECT_EQ(ReadFile(folder_ / "precious"), "");
}

TEST_F(StagingFolderTest, IsNotOneThatOthersMayWriteTo) {
  Abandon();
  fs::permissions(staged(), fs::perms(0775));
  EXPECT_THAT(Refusal(), HasSubstr("others may write to it"));
  fs::permissions(staged(), fs::perms(0777));
  EXPECT_THAT(Refusal(), HasSubstr("others may write to it"));
  fs::permissions(staged(), fs::perms(0755));
  fs::permissions(staged() / "lock", fs::perms(0666));
  EXPECT_THAT(Refusal(), HasSubstr("others may write to it"));
}

TEST_F(StagingFolderTest, IsNotAnotherUsers) {
  ASSERT_EQ(::geteuid(), 0U) << "giving files away takes root";
  constexpr uid_t kStranger = 12345;
  Abandon();
  ASSERT_EQ(::chown(staged().c_str(), kStranger, kStranger), 0);
  EXPECT_THAT(Refusal(), HasSubstr("belongs to another user"));
  ASSERT_EQ(::chown(staged().c_str(), 0, 0), 0);
  ASSERT_EQ(::chown((staged() / "lock").c_str(), kStranger, kStranger), 0);
  EXPECT_THAT(Refusal(), HasSubstr("belongs to another user"));
}

}  // namespace
}  // namespace qi8
