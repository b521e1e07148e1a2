#include "io/staged_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <stdexcept>
#include <string>

#include "qi8/error.hpp"
#include "support/temp_folder.hpp"

namespace qi8 {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

void Write(StagedFile& staged, std::string_view text) {
  staged.file().WriteAt(0, std::as_bytes(std::span(text)));
}

class StagedFileTest : public ::testing::Test {
 protected:
  qi8::testing::TempFolder folder_;
  std::unique_ptr<FileSystem> file_system_ = MakePosixFileSystem();
};

TEST_F(StagedFileTest, HasItsNameOnlyWhenPublished) {
  StagedFile staged(*file_system_, folder_ / "model.onnx");
  EXPECT_EQ(staged.destination(), folder_ / "model.onnx");
  Write(staged, "contents");
  EXPECT_FALSE(fs::exists(folder_ / "model.onnx"));
  staged.Finish();
  EXPECT_FALSE(fs::exists(folder_ / "model.onnx"));
  staged.Publish();
  EXPECT_THAT(folder_.Listing(), ElementsAre(Pair("model.onnx", "contents")));
}

TEST_F(StagedFileTest, LiesHiddenInTheFolderOfItsDestination) {
  const StagedFile staged(*file_system_, folder_ / "model.onnx");
  const auto listing = folder_.Listing();
  ASSERT_EQ(listing.size(), 1U);
  EXPECT_TRUE(listing.begin()->first.starts_with(".model.onnx.")) << listing.begin()->first;
  EXPECT_TRUE(listing.begin()->first.ends_with(".qi8-staged")) << listing.begin()->first;
}

TEST_F(StagedFileTest, IsGoneWhenNotPublished) {
  {
    StagedFile staged(*file_system_, folder_ / "model.onnx");
    Write(staged, "half");
  }
  EXPECT_THAT(folder_.Listing(), IsEmpty());
  {
    StagedFile staged(*file_system_, folder_ / "model.onnx");
    Write(staged, "whole");
    staged.Finish();
  }
  EXPECT_THAT(folder_.Listing(), IsEmpty());
}

TEST_F(StagedFileTest, IsGoneAfterAnException) {
  const auto fail = [this] {
    StagedFile staged(*file_system_, folder_ / "model.onnx");
    Write(staged, "half");
    throw std::runtime_error("elsewhere");
  };
  EXPECT_THROW(fail(), std::runtime_error);
  EXPECT_THAT(folder_.Listing(), IsEmpty());
}

TEST_F(StagedFileTest, PublishReplacesWhatIsThere) {
  qi8::testing::WriteFile(folder_ / "model.onnx", "a longer old text");
  {
    StagedFile staged(*file_system_, folder_ / "model.onnx");
    Write(staged, "new");
    staged.Finish();
    EXPECT_EQ(qi8::testing::ReadFile(folder_ / "model.onnx"), "a longer old text");
    staged.Publish();
  }
  EXPECT_THAT(folder_.Listing(), ElementsAre(Pair("model.onnx", "new")));
}

TEST_F(StagedFileTest, AnUnpublishedOneLeavesWhatIsThere) {
  qi8::testing::WriteFile(folder_ / "model.onnx", "old");
  {
    StagedFile staged(*file_system_, folder_ / "model.onnx");
    Write(staged, "new");
    staged.Finish();
  }
  EXPECT_THAT(folder_.Listing(), ElementsAre(Pair("model.onnx", "old")));
}

TEST_F(StagedFileTest, IsGoneWhenPublishingFails) {
  fs::create_directory(folder_ / "model.onnx");  // a file cannot be renamed to a folder
  {
    StagedFile staged(*file_system_, folder_ / "model.onnx");
    staged.Finish();
    EXPECT_THROW(staged.Publish(), Error);
  }
  EXPECT_THAT(folder_.Listing(), ElementsAre(Pair("model.onnx", "/")));
}

TEST_F(StagedFileTest, WorksForARelativeNameWithoutAFolder) {
  const fs::path old = fs::current_path();
  fs::current_path(folder_.path());
  {
    StagedFile staged(*file_system_, "model.onnx");
    Write(staged, "text");
    staged.Finish();
    staged.Publish();
  }
  fs::current_path(old);
  EXPECT_THAT(folder_.Listing(), ElementsAre(Pair("model.onnx", "text")));
}

TEST_F(StagedFileTest, AMissingFolderIsAnError) {
  EXPECT_THROW(StagedFile(*file_system_, folder_ / "missing" / "model.onnx"), Error);
}

// Not 0600 as of a temporary file: the output is for others too, as far as the user lets them.
TEST_F(StagedFileTest, HasThePermissionsThatTheUmaskLeaves) {
  const mode_t old = ::umask(027);
  StagedFile staged(*file_system_, folder_ / "model.onnx");
  ::umask(old);
  staged.Finish();
  staged.Publish();
  EXPECT_EQ(fs::status(folder_ / "model.onnx").permissions(), fs::perms(0640));
}

// A run that was killed leaves its file, and in a container the next run may have the same process number.
TEST_F(StagedFileTest, AFileThatAKilledRunLeftIsNoObstacle) {
  std::string name;
  {
    const StagedFile staged(*file_system_, folder_ / "model.onnx");
    name = folder_.Listing().begin()->first;
  }
  qi8::testing::WriteFile(folder_ / name, "left by a killed run of the same process number");
  StagedFile staged(*file_system_, folder_ / "model.onnx");
  Write(staged, "new");
  staged.Finish();
  staged.Publish();
  EXPECT_EQ(qi8::testing::ReadFile(folder_ / "model.onnx"), "new");
}

}  // namespace
}  // namespace qi8
