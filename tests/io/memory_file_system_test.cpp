// The double must do as the real one does: every case runs on both.
#include "support/memory_file_system.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "qi8/error.hpp"
#include "support/temp_folder.hpp"

namespace qi8 {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Memory {
  testing::MemoryFileSystem files;
  fs::path folder = "folder";
  Memory() { files.MakeFolder(folder); }
  FileSystem& operator*() { return files; }
};

struct Posix {
  std::unique_ptr<FileSystem> files = MakePosixFileSystem();
  testing::TempFolder temporary;
  fs::path folder = temporary.path();
  FileSystem& operator*() { return *files; }
};

template <typename Place>
class AnyFileSystemTest : public ::testing::Test {
 protected:
  void Write(const fs::path& path, std::string_view text) {
    const auto file = files_.Create(path);
    file->WriteAt(0, std::as_bytes(std::span(text)));
    file->Close();
  }
  std::string Read(const fs::path& path) {
    const auto file = files_.OpenForReading(path);
    std::string text(file->Identity().size, '?');
    file->ReadAt(0, std::as_writable_bytes(std::span(text)));
    return text;
  }
  fs::path operator/(const std::string& name) const { return place_.folder / name; }

  Place place_;
  FileSystem& files_ = *place_;
  const fs::path& folder_ = place_.folder;
};

using Places = ::testing::Types<Memory, Posix>;
TYPED_TEST_SUITE(AnyFileSystemTest, Places);

TYPED_TEST(AnyFileSystemTest, WritesAndReads) {
  const auto file = this->files_.Create(this->folder_ / "a");
  file->Reserve(8);
  const std::string_view text = "text";
  file->WriteAt(4, std::as_bytes(std::span(text)));
  file->Close();
  EXPECT_EQ(this->Read(this->folder_ / "a"), std::string("\0\0\0\0text", 8));
  EXPECT_THROW(static_cast<void>(this->files_.Create(this->folder_ / "a")), Error);
  EXPECT_THROW(static_cast<void>(this->files_.Create(this->folder_ / "missing" / "a")), Error);
  EXPECT_THROW(static_cast<void>(this->files_.OpenForReading(this->folder_ / "missing")), Error);
  EXPECT_THROW(static_cast<void>(this->files_.OpenForReading(this->folder_)), Error);
}

TYPED_TEST(AnyFileSystemTest, LinksLeadOnAndCanBeRead) {
  this->files_.MakeFolder(this->folder_ / "real");
  this->Write(this->folder_ / "real" / "a", "text");
  ASSERT_TRUE(this->files_.MakeLink("real", this->folder_ / "folder-link"));
  ASSERT_TRUE(this->files_.MakeLink("folder-link/a", this->folder_ / "link"));
  EXPECT_EQ(this->Read(this->folder_ / "link"), "text");
  EXPECT_EQ(this->files_.ReadLink(this->folder_ / "link"), "folder-link/a");
  EXPECT_EQ(this->files_.ReadLink(this->folder_ / "real"), std::nullopt);
  EXPECT_EQ(this->files_.ReadLink(this->folder_ / "missing"), std::nullopt);
  EXPECT_EQ(this->files_.ReadLink(this->folder_ / "missing" / "a"), std::nullopt);
  EXPECT_TRUE(this->files_.IsFolder(this->folder_ / "folder-link"));
  EXPECT_TRUE(this->files_.Identify(this->folder_ / "link")
                  ->SameFile(*this->files_.Identify(this->folder_ / "real" / "a")));
  EXPECT_THROW(static_cast<void>(this->files_.MakeLink("real", this->folder_ / "link")), Error);
  ASSERT_TRUE(this->files_.MakeLink("nowhere", this->folder_ / "dangling"));
  EXPECT_FALSE(this->files_.Identify(this->folder_ / "dangling"));
  ASSERT_TRUE(this->files_.MakeLink("loop", this->folder_ / "loop"));
  EXPECT_THROW(static_cast<void>(this->files_.Identify(this->folder_ / "loop")), Error);
}

TYPED_TEST(AnyFileSystemTest, RenamesAndRemovesLinksAndNotWhatTheyLeadTo) {
  this->Write(this->folder_ / "a", "a");
  this->Write(this->folder_ / "b", "b");
  ASSERT_TRUE(this->files_.MakeLink("a", this->folder_ / "link"));
  this->files_.Rename(this->folder_ / "link", this->folder_ / "b");
  EXPECT_EQ(this->files_.ReadLink(this->folder_ / "b"), "a");
  this->files_.Remove(this->folder_ / "b");
  EXPECT_EQ(this->Read(this->folder_ / "a"), "a");
  EXPECT_THAT(this->files_.List(this->folder_), ElementsAre("a"));
  EXPECT_THROW(this->files_.Rename(this->folder_ / "missing", this->folder_ / "a"), Error);
  this->files_.MakeFolder(this->folder_ / "inner");
  EXPECT_THROW(this->files_.Rename(this->folder_ / "a", this->folder_ / "inner"), Error);
}

TYPED_TEST(AnyFileSystemTest, RenamesAFolderWithAllThatIsInIt) {
  this->files_.MakeFolder(this->folder_ / "old");
  this->Write(this->folder_ / "old" / "a", "text");
  this->files_.Rename(this->folder_ / "old", this->folder_ / "new");
  EXPECT_THAT(this->files_.List(this->folder_), ElementsAre("new"));
  EXPECT_EQ(this->Read(this->folder_ / "new" / "a"), "text");
}

TYPED_TEST(AnyFileSystemTest, ExchangesAFileForALink) {
  this->files_.MakeFolder(this->folder_ / "inner");
  this->Write(this->folder_ / "a", "text");
  ASSERT_TRUE(this->files_.MakeLink("inner/a", this->folder_ / "inner" / "a"));
  ASSERT_TRUE(this->files_.Exchange(this->folder_ / "inner" / "a", this->folder_ / "a"));
  EXPECT_EQ(this->files_.ReadLink(this->folder_ / "a"), "inner/a");
  EXPECT_EQ(this->Read(this->folder_ / "a"), "text");
  EXPECT_THROW(static_cast<void>(this->files_.Exchange(this->folder_ / "a", this->folder_ / "missing")),
               Error);
}

TYPED_TEST(AnyFileSystemTest, HardLinksAreSecondNames) {
  this->Write(this->folder_ / "a", "text");
  ASSERT_TRUE(this->files_.MakeHardLink(this->folder_ / "a", this->folder_ / "b"));
  EXPECT_TRUE(
      this->files_.Identify(this->folder_ / "a")->SameFile(*this->files_.Identify(this->folder_ / "b")));
  this->files_.Rename(this->folder_ / "a", this->folder_ / "b");
  EXPECT_THAT(this->files_.List(this->folder_), ElementsAre("a", "b")) << "renaming to itself does nothing";
  this->files_.Remove(this->folder_ / "a");
  EXPECT_EQ(this->Read(this->folder_ / "b"), "text");
  EXPECT_THROW(static_cast<void>(this->files_.MakeHardLink(this->folder_ / "a", this->folder_ / "c")), Error);
}

TYPED_TEST(AnyFileSystemTest, FoldersAreMadeListedAndRemoved) {
  EXPECT_THAT(this->files_.List(this->folder_ / "inner"), IsEmpty());
  this->files_.MakeFolder(this->folder_ / "inner");
  this->files_.MakeFolder(this->folder_ / "inner");
  this->Write(this->folder_ / "inner" / "b", "");
  this->Write(this->folder_ / "inner" / "a", "");
  EXPECT_THAT(this->files_.List(this->folder_ / "inner"), ElementsAre("a", "b"));
  EXPECT_THROW(this->files_.RemoveFolder(this->folder_ / "inner"), Error);
  EXPECT_THROW(this->files_.Remove(this->folder_ / "inner"), Error);
  EXPECT_THROW(this->files_.MakeFolder(this->folder_ / "missing" / "inner"), Error);
  this->files_.Remove(this->folder_ / "inner" / "a");
  this->files_.Remove(this->folder_ / "inner" / "b");
  this->files_.RemoveFolder(this->folder_ / "inner");
  this->files_.RemoveFolder(this->folder_ / "inner");  // gone is gone
  EXPECT_THAT(this->files_.List(this->folder_), IsEmpty());
}

TYPED_TEST(AnyFileSystemTest, AClaimIsHeldByOne) {
  const fs::path claimed = this->folder_ / "claimed";
  auto claim = this->files_.ClaimFolder(claimed);
  ASSERT_TRUE(claim);
  EXPECT_FALSE(this->files_.ClaimFolder(claimed));
  EXPECT_THAT(this->files_.List(claimed), ElementsAre("lock"));
  claim.reset();
  claim = this->files_.ClaimFolder(claimed);
  ASSERT_TRUE(claim) << "given up by the one before";
  claim->RemoveFolder();
  EXPECT_THAT(this->files_.List(this->folder_), IsEmpty());
  EXPECT_TRUE(this->files_.ClaimFolder(claimed));
}

TYPED_TEST(AnyFileSystemTest, AClaimedFolderThatIsNotEmptyStays) {
  const fs::path claimed = this->folder_ / "claimed";
  const auto claim = this->files_.ClaimFolder(claimed);
  this->Write(claimed / "a", "text");
  claim->RemoveFolder();
  EXPECT_THAT(this->files_.List(claimed), ElementsAre("a"));
}

TYPED_TEST(AnyFileSystemTest, OnlyAFolderCanBeClaimed) {
  this->Write(this->folder_ / "file", "");
  this->files_.MakeFolder(this->folder_ / "elsewhere");
  ASSERT_TRUE(this->files_.MakeLink("elsewhere", this->folder_ / "link"));
  for (const std::string name : {"file", "link"}) {
    EXPECT_THROW(static_cast<void>(this->files_.ClaimFolder(this->folder_ / name)), Error) << name;
  }
  EXPECT_THROW(static_cast<void>(this->files_.ClaimFolder(this->folder_ / "missing" / "a")), Error);
  EXPECT_THAT(this->files_.List(this->folder_ / "elsewhere"), IsEmpty());
}

TYPED_TEST(AnyFileSystemTest, AppendsAndShowsTheLastLine) {
  const fs::path log = this->folder_ / "log";
  std::vector<std::string> seen;
  for (const std::string text : {"one\n", "two\nthree", "four\n"}) {
    this->files_.AppendLocked(log, [&](std::string_view last_line) {
      seen.emplace_back(last_line);
      return text;
    });
  }
  EXPECT_THAT(seen, ElementsAre("", "one", "three"));
  EXPECT_EQ(this->Read(log), "one\ntwo\nthree\nfour\n");
}

}  // namespace
}  // namespace qi8
