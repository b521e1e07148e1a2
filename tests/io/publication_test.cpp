// Old or new, never something in between: each case is stopped at every single call that it makes.
#include "io/publication.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <iostream>
#include <limits>
#include <map>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "qi8/error.hpp"
#include "support/faulty_file_system.hpp"
#include "support/memory_file_system.hpp"
#include "support/stride.hpp"
#include "support/temp_folder.hpp"

namespace qi8 {
namespace {

namespace fs = std::filesystem;
using qi8::testing::FaultyFileSystem;
using qi8::testing::FileCall;
using qi8::testing::ReadFile;
using qi8::testing::TempFolder;
using qi8::testing::WriteFile;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::Eq;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using IfTaken = Publication::IfTaken;
using IfThere = Publication::IfThere;
using Leftover = Publication::Leftover;
using Files = std::map<std::string, std::string>;

void Write(WritableFile& file, std::string_view text) { file.WriteAt(0, std::as_bytes(std::span(text))); }

// --- what it is for

class PublicationTest : public ::testing::Test {
 protected:
  [[nodiscard]] Publication Begin(IfTaken if_taken = IfTaken::kFail) {
    return {*file_system_, folder_ / "m", if_taken};
  }

  TempFolder folder_;
  std::unique_ptr<FileSystem> file_system_ = MakePosixFileSystem();
};

TEST_F(PublicationTest, FilesHaveTheirNamesOnlyWhenPublished) {
  Publication publication = Begin();
  Write(publication.Create(folder_ / "m.data"), "data");
  Write(publication.Create(folder_ / "m"), "model");
  EXPECT_FALSE(fs::exists(folder_ / "m"));
  publication.Finish();
  EXPECT_FALSE(fs::exists(folder_ / "m"));
  publication.Publish(IfThere::kFail);
  EXPECT_EQ(ReadFile(folder_ / "m"), "model");
  EXPECT_EQ(ReadFile(folder_ / "m.data"), "data");
}

TEST_F(PublicationTest, LeavesNothingButTheFiles) {
  {
    Publication publication = Begin();
    Write(publication.Create(folder_ / "m"), "model");
    Write(publication.Create(folder_ / "m.data"), "data");
    publication.Publish(IfThere::kFail);
  }
  EXPECT_THAT(folder_.Listing(), ElementsAre(Pair("m", "model"), Pair("m.data", "data")));
  EXPECT_FALSE(fs::is_symlink(folder_ / "m"));
}

TEST_F(PublicationTest, LeavesNothingWhenNotPublished) {
  {
    Publication publication = Begin();
    Write(publication.Create(folder_ / "m"), "half");
  }
  EXPECT_THAT(folder_.Listing(), IsEmpty());
  const auto fail = [this] {
    Publication publication = Begin();
    publication.Withdraw(folder_ / "other");
    Write(publication.Create(folder_ / "m"), "half");
    throw std::runtime_error("elsewhere");
  };
  WriteFile(folder_ / "other", "old");
  EXPECT_THROW(fail(), std::runtime_error);
  EXPECT_THAT(folder_.Listing(), ElementsAre(Pair("other", "old")));
}

TEST_F(PublicationTest, WorksForANameWithoutAFolder) {
  const fs::path before = fs::current_path();
  fs::current_path(folder_.path());
  {
    Publication publication(*file_system_, "m", IfTaken::kFail);
    Write(publication.Create("m"), "model");
    Write(publication.Create("m.data"), "data");
    publication.Publish(IfThere::kReplace);
  }
  fs::current_path(before);
  EXPECT_THAT(folder_.Listing(), ElementsAre(Pair("m", "model"), Pair("m.data", "data")));
}

// Not 0600 as of a temporary file: the output is for others too, as far as the user lets them.
TEST_F(PublicationTest, FilesHaveThePermissionsThatTheUmaskLeaves) {
  const mode_t before = ::umask(027);
  {
    Publication publication = Begin();
    static_cast<void>(publication.Create(folder_ / "m"));
    publication.Publish(IfThere::kFail);
  }
  ::umask(before);
  EXPECT_EQ(fs::status(folder_ / "m").permissions(), fs::perms(0640));
}

TEST_F(PublicationTest, ReplacesNothingUnlessTold) {
  Publication publication = Begin();
  Write(publication.Create(folder_ / "m"), "new");
  Write(publication.Create(folder_ / "m.data"), "new");
  WriteFile(folder_ / "m.data", "made meanwhile");
  try {
    publication.Publish(IfThere::kFail);
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("/m.data'"), HasSubstr("nothing was replaced")));
  }
  EXPECT_FALSE(fs::exists(fs::symlink_status(folder_ / "m")));
  EXPECT_EQ(ReadFile(folder_ / "m.data"), "made meanwhile");
}

TEST_F(PublicationTest, OneHasTheFilesAtATime) {
  Publication publication = Begin();
  try {
    static_cast<void>(Begin());
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("another run is writing"), HasSubstr("/m'")));
  }
  Publication other(*file_system_, folder_ / "other", IfTaken::kFail);  // is no concern of this one
}

TEST_F(PublicationTest, WaitsOnlyUntilToldToStop) {
  const Publication publication = Begin();
  int asked = 0;
  try {
    Publication(*file_system_, folder_ / "m", IfTaken::kWait, [&asked] { return ++asked == 3; });
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInterrupted);
  }
  EXPECT_EQ(asked, 3);
}

// --- stopped at every call

struct Case {
  std::string name;
  Files before;
  Files published;  // an empty text: withdrawn
  IfThere if_there;

  [[nodiscard]] Files After() const {
    Files after = before;
    for (const auto& [file, text] : published) {
      if (text.empty()) {
        after.erase(file);
      } else {
        after[file] = text;
      }
    }
    return after;
  }
};

const Files kNew = {{"m", "new model"}, {"m.data", "new data"}, {"m.sha256", "new sums"}};
const Files kNewInline = {{"m", "new model"}, {"m.data", ""}, {"m.sha256", "new sums"}};
const Files kOld = {{"m", "old model"}, {"m.data", "old data"}, {"m.sha256", "old sums"}};

const std::vector<Case> kCases = {
    {"Nothing", {}, kNew, IfThere::kFail},
    {"AllThree", kOld, kNew, IfThere::kReplace},
    {"AllThreeByTwo", kOld, kNewInline, IfThere::kReplace},
    {"TwoByThree", {{"m", "old model"}, {"m.sha256", "old sums"}}, kNew, IfThere::kReplace},
    {"ModelAlone", {{"m", "old model"}}, kNew, IfThere::kReplace},
    {"DataAlone", {{"m.data", "old data"}}, kNewInline, IfThere::kReplace},
    {"OneByOne", {{"m", "old model"}, {"m.data", "not touched"}}, {{"m", "new model"}}, IfThere::kReplace},
};

enum class Means { kExchange, kHardLinks, kNames, kNamesWithoutAnyLink };

// Thrown in the place of a call by a process that is no more: no later call does anything either.
struct Killed : std::runtime_error {
  Killed() : std::runtime_error("killed") {}
};

// A folder in memory, or a real one, which takes its time.
struct Memory {
  qi8::testing::MemoryFileSystem file_system;
  fs::path folder = "folder";
  Memory() { file_system.AddFolder("folder"); }
  FileSystem& files() { return file_system; }
};

struct Disk {
  TempFolder temporary;
  std::unique_ptr<FileSystem> file_system = MakePosixFileSystem();
  fs::path folder = temporary.path();
  FileSystem& files() { return *file_system; }
};

class KilledPublicationTest : public ::testing::TestWithParam<std::tuple<Case, Means>> {
 protected:
  static constexpr std::size_t kNever = std::numeric_limits<std::size_t>::max();

  [[nodiscard]] static const Case& TheCase() { return std::get<0>(GetParam()); }
  [[nodiscard]] static Means TheMeans() { return std::get<1>(GetParam()); }
  [[nodiscard]] static bool HasLinks() { return TheMeans() <= Means::kHardLinks; }

  static void Limit(FaultyFileSystem& file_system) {
    if (TheMeans() != Means::kExchange) file_system.Lack(FileCall::kExchange);
    if (TheMeans() >= Means::kNames) file_system.Lack(FileCall::kMakeHardLink);
    if (TheMeans() == Means::kNamesWithoutAnyLink) file_system.Lack(FileCall::kMakeLink);
  }

  // Runs `work` on a file system that dies before its call number `last`. Answers whether it lived.
  template <typename Work>
  // Its result may be dropped.
  static bool LivesFor(std::size_t last, FileSystem& real, Work work) {
    std::size_t calls = 0;
    FaultyFileSystem mortal(real, [&](FileCall, const std::string&) -> std::optional<std::string> {
      if (calls++ >= last) throw Killed();
      return std::nullopt;
    });
    Limit(mortal);
    try {
      work(mortal);
    } catch (const std::exception&) {
      EXPECT_GE(calls, last) << "an error of its own";
    }
    return calls <= last;
  }

  static void Publish(FileSystem& file_system, const fs::path& folder) {
    Publication publication(file_system, folder / "m", IfTaken::kFail);
    for (const auto& [name, text] : TheCase().published) {
      if (text.empty()) {
        publication.Withdraw(folder / name);
      } else {
        Write(publication.Create(folder / name), text);
      }
    }
    publication.Publish(TheCase().if_there);
  }

  // Its result may be dropped.
  static Leftover ComeBy(FileSystem& file_system, const fs::path& folder) {
    return Publication(file_system, folder / "m", IfTaken::kFail).leftover();
  }

  template <typename Place>
  static void Prepare(Place& place) {
    const auto folder = place.files().OpenFolder(place.folder);
    for (const auto& [name, text] : TheCase().before) Write(*folder->Create(name), text);
  }

  [[nodiscard]] static std::string Read(FileSystem& files, const fs::path& path) {
    const auto file = files.OpenForReading(path);
    std::string text(file->Identity().size, '?');
    file->ReadAt(0, std::as_writable_bytes(std::span(text)));
    return text;
  }

  // As one sees it who opens files by their names.
  template <typename Place>
  [[nodiscard]] static Files Seen(Place& place) {
    Files seen;
    for (const char* name : {"m", "m.data", "m.sha256"}) {
      if (place.files().Identify(place.folder / name)) seen[name] = Read(place.files(), place.folder / name);
    }
    return seen;
  }

  // Everything in the folder, where nothing but files should be.
  template <typename Place>
  [[nodiscard]] static Files Lying(Place& place) {
    Files lying;
    const auto folder = place.files().OpenFolder(place.folder);
    for (const std::string& name : folder->List()) {
      const bool is_file = folder->Examine(name)->kind == EntryStatus::Kind::kFile;
      lying[name] = is_file ? Read(place.files(), place.folder / name) : "no file";
    }
    return lying;
  }

  template <typename Place>
  static void KillAtEveryCall();
};

template <typename Place>
void KilledPublicationTest::KillAtEveryCall() {
  std::size_t states = 0;
  std::size_t old_states = 0;
  for (bool lived = false; !lived; ++states) {
    const std::size_t last = states * testing::kStride;
    SCOPED_TRACE("killed at call " + std::to_string(last));
    Place place;
    Prepare(place);
    lived = LivesFor(last, place.files(), [&](FileSystem& mortal) { Publish(mortal, place.folder); });
    const Files seen = Seen(place);
    const bool is_old = seen == TheCase().before;
    old_states += is_old ? 1 : 0;
    Leftover leftover = Leftover::kNothing;
    LivesFor(kNever, place.files(), [&](FileSystem& mortal) { leftover = ComeBy(mortal, place.folder); });
    if (HasLinks()) {
      ASSERT_THAT(seen, AnyOf(Eq(TheCase().before), Eq(TheCase().After())));
      ASSERT_NE(leftover, is_old ? Leftover::kCompleted : Leftover::kTakenBack);
      ASSERT_EQ(Lying(place), seen) << "the next run takes nothing away";
      if (is_old) {
        LivesFor(kNever, place.files(), [&](FileSystem& mortal) { Publish(mortal, place.folder); });
        ASSERT_EQ(Lying(place), TheCase().After());
      }
    } else if (Files left = Lying(place); left != TheCase().After()) {
      // What came before the model where nothing was may stay; nobody asks for it.
      for (const auto& [name, text] : TheCase().published) {
        if (!TheCase().before.contains(name)) left.erase(name);
      }
      ASSERT_EQ(left, TheCase().before);
    }
    if (lived) {
      ASSERT_EQ(Lying(place), TheCase().After());
    }
  }
  EXPECT_GT(old_states, 5U / testing::kStride);
  EXPECT_GT(states, old_states);
  std::cout << "stopped at " << states << " calls, " << old_states << " of them before the switch\n";
}

TEST_P(KilledPublicationTest, AtAnyCallLeavesAllOldOrAllNewAndTheNextRunTidiesUp) {
  KillAtEveryCall<Memory>();
}

TEST_P(KilledPublicationTest, AtAnyCallOnADiskToo) {
  if (HasLinks()) KillAtEveryCall<Disk>();
}

// The way back, or on, may be cut off as well.
TEST_P(KilledPublicationTest, AtAnyCallAndAgainAtAnyCallOfTheNextRun) {
  if (!HasLinks()) return;
  std::size_t states = 0;
  bool lived = false;
  for (std::size_t first = 0; !lived; first += testing::kStride) {
    bool recovered = false;
    for (std::size_t second = 0; !recovered; second += testing::kStride, ++states) {
      SCOPED_TRACE("killed at call " + std::to_string(first) + ", then " + std::to_string(second));
      Memory place;
      Prepare(place);
      lived = LivesFor(first, place.files(), [&](FileSystem& mortal) { Publish(mortal, place.folder); });
      const Files seen = Seen(place);
      recovered = LivesFor(second, place.files(), [&](FileSystem& mortal) { ComeBy(mortal, place.folder); });
      ASSERT_EQ(Seen(place), seen);
      LivesFor(kNever, place.files(), [&](FileSystem& mortal) { ComeBy(mortal, place.folder); });
      ASSERT_EQ(Lying(place), seen);
    }
  }
  std::cout << states << " states\n";
}

// An error is no crash: all goes back at once, on every file system.
TEST_P(KilledPublicationTest, AnErrorAtAnyCallLeavesAllOldOrSaysThatAllIsNew) {
  std::size_t calls = 0;
  std::size_t failing = 0;
  do {
    SCOPED_TRACE("call " + std::to_string(failing) + " failed");
    Memory place;
    Prepare(place);
    calls = 0;
    FaultyFileSystem faulty(place.files(), [&](FileCall, const std::string&) -> std::optional<std::string> {
      if (calls++ == failing) return "Input/output error";
      return std::nullopt;
    });
    Limit(faulty);
    std::string message;
    try {
      Publish(faulty, place.folder);
    } catch (const Error& error) {
      message = error.what();
      EXPECT_THAT(message, HasSubstr("Input/output error"));
    }
    const bool is_new = message.empty() || message.find("is whole and in its place") != std::string::npos;
    ASSERT_EQ(Seen(place), is_new ? TheCase().After() : TheCase().before) << message;
    ComeBy(place.files(), place.folder);
    ASSERT_EQ(Lying(place), is_new ? TheCase().After() : TheCase().before) << message;
  } while (calls > std::exchange(failing, failing + testing::kStride));
}

constexpr std::array<const char*, 4> kMeansNames = {"ByExchange", "ByHardLinks", "ByNames", "WithoutAnyLink"};

INSTANTIATE_TEST_SUITE_P(Replacing, KilledPublicationTest,
                         ::testing::Combine(::testing::ValuesIn(kCases),
                                            ::testing::Values(Means::kExchange, Means::kHardLinks,
                                                              Means::kNames, Means::kNamesWithoutAnyLink)),
                         [](const auto& instance) {
                           const auto means = static_cast<std::size_t>(std::get<1>(instance.param));
                           return std::get<0>(instance.param).name + kMeansNames.at(means);
                         });

}  // namespace
}  // namespace qi8
