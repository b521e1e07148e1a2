// Made-up trees: no file in them is a library.
#include "runtime/find_library.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/temp_folder.hpp"

namespace qi8::runtime {
namespace {

namespace fs = std::filesystem;
using qi8::testing::TempFolder;
using qi8::testing::WriteFile;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class FindLibraryTest : public ::testing::Test {
 protected:
  FindLibraryTest() { surroundings_.program = Add("build/release/quantize-int8"); }

  // Its result may be dropped.
  fs::path Add(const std::string& name, fs::perms mode = fs::perms(0644)) {
    fs::create_directories((folder_ / name).parent_path());
    WriteFile(folder_ / name, "made up");
    fs::permissions(folder_ / name, mode);
    return folder_ / name;
  }
  // Its result may be dropped.
  fs::path AddPip(const std::string& prefix, const std::string& python = "lib/python3.11/site-packages",
                  const std::string& version = "1.32.0") {
    return Add(prefix + "/" + python + "/onnxruntime/capi/libonnxruntime.so." + version);
  }
  // Its result may be dropped.
  fs::path AddPython(const std::string& name) { return Add(name, fs::perms(0755)); }
  [[nodiscard]] std::vector<fs::path> Found() const { return FindLibraries(surroundings_).found; }

  TempFolder folder_;
  Surroundings surroundings_;
};

TEST_F(FindLibraryTest, FindsNothingWhereNothingIs) {
  const LibrarySearch search = FindLibraries(surroundings_);
  EXPECT_THAT(search.found, IsEmpty());
  EXPECT_THAT(search.looked,
              ElementsAre((folder_ / "build/release").native(), (folder_ / "build/lib").native(),
                          (folder_ / "build/onnxruntime/lib").native()));
}

TEST_F(FindLibraryTest, BesideTheProgramComesFirstThenTheActivePython) {
  surroundings_.home = folder_ / "home";
  surroundings_.virtual_env = folder_ / "venv";
  surroundings_.conda = folder_ / "conda";
  surroundings_.path = (folder_ / "usr/bin").native();
  AddPython("usr/bin/python3");
  const fs::path user = AddPip("home/.local");
  const fs::path system = AddPip("usr", "local/lib/python3.11/dist-packages");
  const fs::path conda = AddPip("conda");
  const fs::path venv = AddPip("venv");
  const fs::path built = Add("build/onnxruntime/lib/libonnxruntime.so.1");
  const fs::path beside = Add("build/release/libonnxruntime.so.1");
  EXPECT_THAT(Found(), ElementsAre(beside, built, venv, conda, system, user));
}

TEST_F(FindLibraryTest, TheNewestOfSeveralIsTaken) {
  surroundings_.virtual_env = folder_ / "venv";
  AddPip("venv", "lib/python3.9/site-packages", "1.40.0");
  AddPip("venv", "lib/python3.11/site-packages", "1.9.0");
  const fs::path newest = AddPip("venv", "lib/python3.11/site-packages", "1.32.0");
  Add("venv/lib/python3.11/site-packages/onnxruntime/capi/libonnxruntime.so.1.99.bak");
  EXPECT_THAT(Found(), ElementsAre(newest));
}

TEST_F(FindLibraryTest, AVirtualEnvironmentOnPathIsItsOwnPrefix) {
  const fs::path python = AddPython("usr/bin/python3.11");
  AddPip("usr", "lib/python3/dist-packages");
  fs::create_directories(folder_ / "venv/bin");
  fs::create_symlink(python, folder_ / "venv/bin/python3");
  surroundings_.path = (folder_ / "venv/bin").native();
  EXPECT_EQ(Found(),
            std::vector{folder_ / "usr/lib/python3/dist-packages/onnxruntime/capi/libonnxruntime.so.1.32.0"});
  Add("venv/pyvenv.cfg");
  const fs::path venv = AddPip("venv");
  EXPECT_THAT(Found(), ElementsAre(venv));
}

TEST_F(FindLibraryTest, NeverLooksWhereTheCurrentFolderDecides) {
  const fs::path before = fs::current_path();
  AddPython("bin/python3");
  AddPip(".");
  Add("libonnxruntime.so.1");
  fs::current_path(folder_.path());
  surroundings_.virtual_env = ".";
  surroundings_.conda = "lib/..";
  surroundings_.home = ".";
  for (const char* path : {"bin", ":bin:", ".:./bin", ""}) {
    surroundings_.path = path;
    EXPECT_THAT(Found(), IsEmpty()) << path;
  }
  fs::current_path(before);
}

TEST_F(FindLibraryTest, TakesNothingBesideTheProgramThatOthersCanWrite) {
  const fs::path library = Add("build/onnxruntime/lib/libonnxruntime.so.1", fs::perms(0666));
  EXPECT_THAT(Found(), IsEmpty());
  EXPECT_THAT(FindLibraries(surroundings_).looked, Contains(HasSubstr("others than the program's owner")));
  fs::permissions(library, fs::perms(0644));
  EXPECT_THAT(Found(), ElementsAre(library));
  fs::permissions(library.parent_path(), fs::perms(0777));
  EXPECT_THAT(Found(), IsEmpty());
  fs::permissions(library.parent_path(), fs::perms(0755));
  // What it links to counts.
  fs::rename(library, folder_ / "real");
  fs::create_symlink(folder_ / "real", library);
  EXPECT_THAT(Found(), ElementsAre(library));
  fs::permissions(folder_ / "real", fs::perms(0666));
  EXPECT_THAT(Found(), IsEmpty());
}

TEST_F(FindLibraryTest, AFolderIsTheLibraryInIt) {
  const fs::path pip = AddPip("venv");
  const fs::path archive = Add("archive/lib/libonnxruntime.so.1.24.0");
  EXPECT_EQ(LibraryNamed(pip.parent_path()), pip);
  EXPECT_EQ(LibraryNamed(pip.parent_path().parent_path()), pip);
  EXPECT_EQ(LibraryNamed(folder_ / "archive"), archive);
  EXPECT_EQ(LibraryNamed(archive), archive);
  EXPECT_EQ(LibraryNamed(folder_ / "none"), folder_ / "none");
  EXPECT_EQ(LibraryNamed(folder_ / "build"), folder_ / "build");
}

}  // namespace
}  // namespace qi8::runtime
