// Publishing where somebody else writes too: what they put there is not followed, not moved and not removed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "io/publication.hpp"
#include "qi8/error.hpp"
#include "support/faulty_file_system.hpp"
#include "support/temp_folder.hpp"

namespace qi8 {
namespace {

namespace fs = std::filesystem;
using qi8::testing::FaultyFileSystem;
using qi8::testing::FileCall;
using qi8::testing::ReadFile;
using qi8::testing::TempFolder;
using qi8::testing::WriteFile;
using ::testing::HasSubstr;
using IfTaken = Publication::IfTaken;
using IfThere = Publication::IfThere;

void Write(WritableFile& file, std::string_view text) { file.WriteAt(0, std::as_bytes(std::span(text))); }

// "home" is a stranger's folder, "out" the one in which a run publishes.
class PublicationAttacks : public ::testing::Test {
 protected:
  PublicationAttacks() { SetUpPlace(); }

  void SetUpPlace() const {
    for (const char* name : {"home", "out"}) {
      fs::remove_all(folder_ / name);
      fs::create_directory(folder_ / name);
    }
    WriteFile(folder_ / "home" / "thesis", "my only copy");
    WriteFile(folder_ / "home" / "m", "theirs");
    WriteFile(folder_ / "home" / "m.data", "theirs");
  }

  void ExpectHomeIsUntouched() const {
    std::map<std::string, std::string> home;
    for (const auto& entry : fs::directory_iterator(folder_ / "home")) {
      home[entry.path().filename().native()] = ReadFile(entry.path());
    }
    EXPECT_EQ(home, (std::map<std::string, std::string>{
                        {"m", "theirs"}, {"m.data", "theirs"}, {"thesis", "my only copy"}}));
  }

  void Publish(FileSystem& file_system, IfThere if_there) const {
    Publication publication(file_system, folder_ / "out" / "m", IfTaken::kFail);
    Write(publication.Create(folder_ / "out" / "m.data"), "new data");
    Write(publication.Create(folder_ / "out" / "m"), "new model");
    publication.Publish(if_there);
  }

  [[nodiscard]] std::string Refusal() const {
    const auto before = folder_.Listing();
    try {
      Publish(*file_system_, IfThere::kReplace);
    } catch (const Error& error) {
      EXPECT_EQ(folder_.Listing(), before);
      ExpectHomeIsUntouched();
      return error.what();
    }
    ADD_FAILURE() << "no error";
    return "";
  }

  // A run was killed after it had staged a file: its folder has a record and "new".
  void Abandon() const {
    auto killed = std::make_unique<Publication>(*file_system_, folder_ / "out" / "m", IfTaken::kFail);
    Write(killed->Create(folder_ / "out" / "m"), "half");
    fs::rename(staging(), folder_ / "out" / "kept");
    killed.reset();  // finds nothing to tidy up under its name, but empties the folder that it holds
    fs::rename(folder_ / "out" / "kept", staging());
    ASSERT_TRUE(fs::exists(staging()));
  }

  [[nodiscard]] fs::path staging() const { return folder_ / "out" / ".m.qi8"; }

  TempFolder folder_;
  std::unique_ptr<FileSystem> file_system_ = MakePosixFileSystem();
};

TEST_F(PublicationAttacks, APlantedFolderOfLinksIsLeftAlone) {
  for (const std::string target : {"../../home", "absolute"}) {
    const fs::path home = target == "absolute" ? folder_ / "home" : fs::path(target);
    for (const std::string current : {"new", "old", "none"}) {
      SetUpPlace();
      fs::create_directory(staging());
      fs::create_directory_symlink(home, staging() / "new");
      fs::create_directory_symlink(home, staging() / "old");
      if (current != "none") fs::create_symlink(current, staging() / "current");
      EXPECT_THAT(Refusal(), HasSubstr("in the way"));
    }
  }
}

// Even where the folder is a run's own, each thing in it is looked at before anything is moved or removed.
TEST_F(PublicationAttacks, EachThingInARunsOwnFolderIsLookedAt) {
  using Plant = std::function<void(const fs::path&)>;
  const auto link_to = [](const fs::path& target) {
    return [target](const fs::path& path) { fs::create_symlink(target, path); };
  };
  const Plant pipe = [](const fs::path& path) { ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0); };
  const Plant file = [](const fs::path& path) { WriteFile(path, "somebody's"); };
  const Plant folder = [](const fs::path& path) { fs::create_directories(path / "deep"); };
  const fs::path home = folder_ / "home";
  std::size_t tries = 0;
  for (const std::string place : {"new", "old", "outdated", "current", "next", "unknown", "new/m", "old/m"}) {
    std::vector<Plant> plants = {link_to(home), link_to("../../home"), link_to(home / "thesis"),
                                 link_to("nowhere"), pipe};
    const bool is_folder = place == "new" || place == "old" || place == "outdated";
    const bool is_inside = place.find('/') != std::string::npos;
    if (!is_inside) plants.push_back(file);
    if (!is_folder) plants.push_back(folder);
    for (const Plant& plant : plants) {
      SCOPED_TRACE(place + ", try " + std::to_string(++tries));
      SetUpPlace();
      Abandon();
      fs::remove_all(staging() / "new");
      if (is_inside) fs::create_directory((staging() / place).parent_path());
      plant(staging() / place);
      EXPECT_THAT(Refusal(), HasSubstr("in the way"));
    }
  }
  std::cout << tries << " tries\n";
}

// Before each call that a publication makes, in turn, somebody puts something else in the place of one of its
// names.
class SwappedPublication : public PublicationAttacks,
                           public ::testing::WithParamInterface<std::tuple<std::string, std::string>> {
 protected:
  // What is swapped in: a link to the stranger's folder or to a file of theirs, or a pipe.
  void Swap() const {
    const auto& [place, by] = GetParam();
    const fs::path path = place == "staging" ? staging() : folder_ / "out" / place;
    std::error_code ignored;
    if (!fs::exists(fs::symlink_status(path, ignored))) return;
    fs::rename(path, folder_ / "out" / "swapped-away", ignored);
    if (ignored) return;
    if (by == "link") fs::create_symlink(folder_ / "home" / (place == "m" ? "m" : ""), path, ignored);
    if (by == "pipe") ::mkfifo(path.c_str(), 0600);
    if (by == "folder") fs::create_directories(path / "theirs");
    if (by == "file") WriteFile(path, "somebody's own");
  }
};

TEST_P(SwappedPublication, TouchesNothingOfOthersAtAnyCall) {
  const auto& [place, by] = GetParam();
  std::size_t call = 0;
  bool swapped = true;
  for (; swapped; ++call) {
    SCOPED_TRACE("swapped before call " + std::to_string(call));
    SetUpPlace();
    WriteFile(folder_ / "out" / "m", "old model");
    WriteFile(folder_ / "out" / "m.data", "old data");
    std::size_t calls = 0;
    swapped = false;
    FaultyFileSystem watched(*file_system_, [&](FileCall, const std::string&) -> std::optional<std::string> {
      if (calls++ == call) {
        swapped = true;
        Swap();
      }
      return std::nullopt;
    });
    try {
      Publish(watched, IfThere::kReplace);
    } catch (const Error&) {
      // An error is fine, if only nothing of others is touched.
    }
    ExpectHomeIsUntouched();
    if (by == "file" && place == "m" && fs::exists(folder_ / "out" / "swapped-away")) {
      // Where the swap came before the last look at the name, the file that somebody put there is still
      // somewhere.
      const std::string now =
          fs::is_regular_file(folder_ / "out" / "m") ? ReadFile(folder_ / "out" / "m") : "";
      EXPECT_TRUE(now == "somebody's own" || now == "new model" || now == "old model") << now;
    }
  }
  EXPECT_GT(call, 20U);
  std::cout << call << " tries\n";
}

INSTANTIATE_TEST_SUITE_P(Somebody, SwappedPublication,
                         ::testing::Combine(::testing::Values("staging", ".m.qi8/new", ".m.qi8/old",
                                                              ".m.qi8/current", ".m.qi8/lock", "m"),
                                            ::testing::Values("link", "pipe", "folder", "file")),
                         [](const auto& instance) {
                           std::string name = std::get<0>(instance.param);
                           name.erase(0, name.rfind('/') + 1);
                           return "PutsA_" + std::get<1>(instance.param) + "_for_" + name;
                         });

// What came to a name after the run looked at it is not replaced, not even with IfThere::kReplace.
TEST_F(PublicationAttacks, WhatCameMeanwhileIsNotReplaced) {
  for (const bool is_alone : {false, true}) {
    SetUpPlace();
    WriteFile(folder_ / "out" / "m", "old model");
    try {
      Publication publication(*file_system_, folder_ / "out" / "m", IfTaken::kFail);
      Write(publication.Create(folder_ / "out" / "m"), "new model");
      if (!is_alone) Write(publication.Create(folder_ / "out" / "m.data"), "new data");
      WriteFile(folder_ / "out" / "other", "somebody's own");
      fs::rename(folder_ / "out" / "other", folder_ / "out" / "m");
      publication.Publish(IfThere::kReplace);
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("was replaced by another"));
    }
    EXPECT_EQ(ReadFile(folder_ / "out" / "m"), "somebody's own");
    EXPECT_FALSE(fs::exists(folder_ / "out" / "m.data"));
  }
}

}  // namespace
}  // namespace qi8
