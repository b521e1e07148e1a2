// Folders, in memory and on a disk: the double must do as the real one does, so every case runs on both.
#include "io/folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/file_system.hpp"
#include "qi8/error.hpp"
#include "support/memory_file_system.hpp"
#include "support/temp_folder.hpp"

namespace qi8 {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Memory {
  testing::MemoryFileSystem files;
  fs::path path = "folder";
  Memory() { files.AddFolder("folder"); }
  FileSystem& operator*() { return files; }
};

struct Posix {
  std::unique_ptr<FileSystem> files = MakePosixFileSystem();
  testing::TempFolder temporary;
  fs::path path = temporary.path();
  FileSystem& operator*() { return *files; }
};

template <typename Place>
class FolderTest : public ::testing::Test {
 protected:
  static void Write(Folder& folder, const std::string& name, std::string_view text) {
    const auto file = folder.Create(name);
    file->WriteAt(0, std::as_bytes(std::span(text)));
    file->Close();
  }
  [[nodiscard]] static std::string Read(const ReadableFile& file) {
    std::string text(file.Identity().size, '?');
    file.ReadAt(0, std::as_writable_bytes(std::span(text)));
    return text;
  }
  [[nodiscard]] std::string ReadByPath(const fs::path& relative) {
    return Read(*files_.OpenForReading(place_.path / relative));
  }
  [[nodiscard]] std::unique_ptr<Folder> Make(const std::string& name) {
    EXPECT_TRUE(folder_->MakeFolder(name));
    return folder_->OpenFolder(name);
  }

  Place place_;
  FileSystem& files_ = *place_;
  std::unique_ptr<Folder> folder_ = files_.OpenFolder(place_.path);
};

using Places = ::testing::Types<Memory, Posix>;
TYPED_TEST_SUITE(FolderTest, Places);

TYPED_TEST(FolderTest, WritesAndReads) {
  const auto file = this->folder_->Create("a");
  file->Reserve(8);
  const std::string_view text = "text";
  file->WriteAt(4, std::as_bytes(std::span(text)));
  file->Close();
  EXPECT_EQ(this->Read(*this->folder_->Open("a")), std::string("\0\0\0\0text", 8));
  EXPECT_EQ(this->ReadByPath("a"), std::string("\0\0\0\0text", 8));
  EXPECT_THROW(static_cast<void>(this->folder_->Create("a")), Error);
  EXPECT_THROW(static_cast<void>(this->folder_->Open("missing")), Error);
  EXPECT_THROW(static_cast<void>(this->files_.OpenFolder(this->place_.path / "missing")), Error);
}

TYPED_TEST(FolderTest, LinksAreReadAndNotFollowed) {
  this->Write(*this->Make("real"), "a", "text");
  this->Write(*this->folder_, "file", "text");
  ASSERT_TRUE(this->folder_->MakeLink("real", "folder-link"));
  ASSERT_TRUE(this->folder_->MakeLink("file", "file-link"));
  EXPECT_EQ(this->folder_->ReadLink("folder-link"), "real");
  EXPECT_EQ(this->folder_->ReadLink("real"), std::nullopt);
  EXPECT_EQ(this->folder_->ReadLink("missing"), std::nullopt);
  EXPECT_EQ(this->folder_->Examine("file-link")->kind, EntryStatus::Kind::kLink);
  EXPECT_EQ(this->ReadByPath("folder-link/a"), "text") << "by a path they lead on";
  EXPECT_THROW(static_cast<void>(this->folder_->OpenFolder("folder-link")), Error);
  EXPECT_THROW(static_cast<void>(this->folder_->Open("file-link")), Error);
  EXPECT_THROW(static_cast<void>(this->folder_->Create("file-link")), Error);
  EXPECT_THROW(static_cast<void>(this->folder_->Lock("file-link")), Error);
  EXPECT_THROW(static_cast<void>(this->folder_->MakeLink("real", "file-link")), Error);
  EXPECT_FALSE(this->folder_->MakeFolder("file-link"));
  ASSERT_TRUE(this->folder_->MakeLink("nowhere", "dangling"));
  EXPECT_THROW(static_cast<void>(this->folder_->Create("dangling")), Error);
  EXPECT_THROW(static_cast<void>(this->folder_->Lock("dangling")), Error);
  EXPECT_FALSE(this->folder_->Examine("nowhere"));
}

TYPED_TEST(FolderTest, ExaminesWhatANameStandsFor) {
  using Kind = EntryStatus::Kind;
  EXPECT_FALSE(this->folder_->Examine("missing"));
  this->Write(*this->folder_, "file", "text");
  const auto inner = this->Make("inner");
  EXPECT_EQ(this->folder_->Examine("file")->kind, Kind::kFile);
  EXPECT_EQ(this->folder_->Examine("file")->identity.size, 4U);
  EXPECT_EQ(this->folder_->Examine("inner")->kind, Kind::kFolder);
  EXPECT_TRUE(this->folder_->Examine("inner")->identity.SameFile(inner->Status().identity));
  EXPECT_EQ(inner->Status().owner, inner->User());
  EXPECT_FALSE(inner->Status().others_may_write());
  EXPECT_EQ(this->folder_->StatusOfNewFolder().owner, this->folder_->User());
  EXPECT_THAT(this->folder_->List(), ElementsAre("file", "inner")) << "the probe is gone";
}

TYPED_TEST(FolderTest, RenamesAndRemovesLinksAndNotWhatTheyLeadTo) {
  this->Write(*this->folder_, "a", "a");
  this->Write(*this->folder_, "b", "b");
  ASSERT_TRUE(this->folder_->MakeLink("a", "link"));
  this->folder_->Rename("link", *this->folder_, "b");
  EXPECT_EQ(this->folder_->ReadLink("b"), "a");
  this->folder_->Remove("b");
  EXPECT_EQ(this->ReadByPath("a"), "a");
  EXPECT_THAT(this->folder_->List(), ElementsAre("a"));
  EXPECT_THROW(this->folder_->Rename("missing", *this->folder_, "a"), Error);
  static_cast<void>(this->Make("inner"));
  EXPECT_THROW(this->folder_->Rename("a", *this->folder_, "inner"), Error);
}

TYPED_TEST(FolderTest, RenamesAFolderWithAllThatIsInIt) {
  this->Write(*this->Make("old"), "a", "text");
  this->folder_->Rename("old", *this->folder_, "new");
  EXPECT_THAT(this->folder_->List(), ElementsAre("new"));
  EXPECT_EQ(this->ReadByPath("new/a"), "text");
}

TYPED_TEST(FolderTest, ExchangesAFileForALink) {
  const auto inner = this->Make("inner");
  this->Write(*this->folder_, "a", "text");
  ASSERT_TRUE(inner->MakeLink("inner/a", "a"));
  ASSERT_TRUE(inner->Exchange("a", *this->folder_, "a"));
  EXPECT_EQ(this->folder_->ReadLink("a"), "inner/a");
  EXPECT_EQ(this->ReadByPath("a"), "text");
  EXPECT_THROW(static_cast<void>(this->folder_->Exchange("a", *this->folder_, "missing")), Error);
}

TYPED_TEST(FolderTest, HardLinksAreSecondNames) {
  this->Write(*this->folder_, "a", "text");
  ASSERT_TRUE(this->folder_->MakeHardLink("a", *this->folder_, "b"));
  EXPECT_TRUE(this->folder_->Examine("a")->identity.SameFile(this->folder_->Examine("b")->identity));
  this->folder_->Rename("a", *this->folder_, "b");
  EXPECT_THAT(this->folder_->List(), ElementsAre("a", "b")) << "renaming to itself does nothing";
  this->folder_->Remove("a");
  EXPECT_EQ(this->ReadByPath("b"), "text");
  EXPECT_THROW(static_cast<void>(this->folder_->MakeHardLink("a", *this->folder_, "c")), Error);
}

TYPED_TEST(FolderTest, FoldersAreMadeListedAndRemoved) {
  EXPECT_EQ(this->folder_->OpenFolder("inner"), nullptr);
  EXPECT_TRUE(this->folder_->MakeFolder("inner"));
  EXPECT_FALSE(this->folder_->MakeFolder("inner"));
  const auto inner = this->folder_->OpenFolder("inner");
  this->Write(*inner, "b", "");
  this->Write(*inner, "a", "");
  EXPECT_THAT(inner->List(), ElementsAre("a", "b"));
  EXPECT_THAT(inner->List(), ElementsAre("a", "b")) << "as often as one likes";
  EXPECT_FALSE(this->folder_->RemoveFolder("inner")) << "something is in it";
  EXPECT_THROW(this->folder_->Remove("inner"), Error);
  EXPECT_THROW(static_cast<void>(inner->OpenFolder("a")), Error) << "a file";
  inner->Remove("a");
  inner->Remove("b");
  inner->Remove("b");  // gone is gone
  EXPECT_TRUE(this->folder_->RemoveFolder("inner"));
  EXPECT_TRUE(this->folder_->RemoveFolder("inner"));
  EXPECT_THAT(this->folder_->List(), IsEmpty());
}

TYPED_TEST(FolderTest, ALockIsHeldByOne) {
  auto lock = this->folder_->Lock("lock");
  ASSERT_TRUE(lock);
  EXPECT_FALSE(this->folder_->Lock("lock"));
  EXPECT_EQ(lock->Read(100), "");
  lock->Write("a record\n");
  EXPECT_EQ(lock->Read(100), "a record\n");
  EXPECT_EQ(lock->Read(3), "a r");
  lock->Write("new\n");
  lock.reset();
  lock = this->folder_->Lock("lock");
  ASSERT_TRUE(lock) << "given up by the one before";
  EXPECT_EQ(lock->Read(100), "new\n");
  static_cast<void>(this->Make("inner"));
  EXPECT_THROW(static_cast<void>(this->folder_->Lock("inner")), Error);
}

TYPED_TEST(FolderTest, ALogShowsItsLastLineToWhoAppends) {
  const LogPlace log{this->place_.path / "log", LogPlace::NamedBy::kDefault};
  std::vector<std::string> seen;
  for (const std::string text : {"one\n", "two\nthree", "four\n"}) {
    const auto compose = [&](std::string_view last_line) {
      seen.emplace_back(last_line);
      return text;
    };
    this->files_.AppendLocked(log, compose, {});
  }
  EXPECT_THAT(seen, ElementsAre("", "one", "three"));
  EXPECT_EQ(this->ReadByPath("log"), "one\ntwo\nthree\nfour\n");
}

}  // namespace
}  // namespace qi8
