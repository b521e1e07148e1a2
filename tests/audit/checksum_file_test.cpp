#include "audit/checksum_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "hash/sha256.hpp"
#include "support/program.hpp"
#include "support/temp_folder.hpp"

namespace qi8 {
namespace {

namespace fs = std::filesystem;
using qi8::testing::RunProgram;
using qi8::testing::TempFolder;
using qi8::testing::WriteFile;

const std::string kA(64, 'a');
const std::string kB(64, 'b');
const std::string kC(64, 'c');

// Names that sha256sum writes in its own way, and some that it might.
const std::vector<std::string> kNames = {
    "model.onnx",    "with space.onnx",         " leading",   "trailing ", "back\\slash",
    "line\nfeed",    "carriage\rreturn",        "both\\\n\r", "*asterisk", "Größe.onnx",
    "not utf8 \xff", "tab\there and \"quote\"", "#hash",      "-dash"};

TEST(ParseChecksums, ReadsBackWhatIsWritten) {
  std::string text;
  for (const std::string& name : kNames) text += ChecksumLine({kA, name});
  const auto entries = ParseChecksums(text);
  ASSERT_EQ(entries.size(), kNames.size());
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    EXPECT_EQ(entries[i].sha256, kA);
    EXPECT_EQ(entries[i].name, kNames[i]);
  }
}

TEST(ParseChecksums, LeavesOutWhatIsNoEntry) {
  EXPECT_EQ(ParseChecksums("").size(), 0U);
  EXPECT_EQ(
      ParseChecksums("\n# a comment\n\n" + kA + "\n" + kA + " \n" + kA + "  \n" + kA + "x  name\n").size(),
      0U);
  const auto entries = ParseChecksums(kA + " *binary\n# between\n" + kB + "  no line feed");
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].name, "binary");
  EXPECT_EQ(entries[1].name, "no line feed");
  EXPECT_EQ(entries[1].sha256, kB);
}

// Each of these is a line that `sha256sum -c` takes.
TEST(ParseChecksums, ReadsAllFormsOfALine) {
  const std::string upper(64, 'A');
  for (const std::string& line :
       {kA + "  m.onnx\n", kA + " *m.onnx\n", upper + "  m.onnx\n", kA + "  ./m.onnx\n", kA + " m.onnx\n",
        kA + "\tm.onnx\n", "SHA256 (m.onnx) = " + kA + "\n", "SHA256 (./m.onnx) = " + upper + "\n",
        kA + "  m.onnx\r\n", "SHA256 (m.onnx) = " + kA + "\r\n"}) {
    const auto entries = ParseChecksums(line);
    ASSERT_EQ(entries.size(), 1U) << line;
    EXPECT_EQ(entries[0].name, "m.onnx") << line;
    EXPECT_EQ(entries[0].sha256, kA) << line;
  }
  for (const std::string& line :
       {"SHA512 (m.onnx) = " + kA, "SHA256 () = " + kA, "SHA256 (m.onnx) = " + kA + "a",
        "SHA256 (m.onnx) = " + std::string(64, 'g'), std::string(64, 'g') + "  m.onnx",
        "A" + kA.substr(1) + "  m.onnx"}) {
    EXPECT_TRUE(ParseChecksums(line).empty()) << line;
  }
}

TEST(ChecksumLine, IsWhatSha256sumWrites) {
  const TempFolder folder;
  for (const std::string& name : kNames) {
    WriteFile(folder / name, "contents of " + name);
    const auto real = RunProgram("sha256sum", {"--", name}, {.folder = folder.path(), .environment = {}});
    ASSERT_EQ(real.status, 0) << real.err;
    EXPECT_EQ(ChecksumLine({Sha256::HexOf("contents of " + name), name}), real.out);
  }
}

TEST(UpdateChecksums, GivesAFileThatSha256sumChecks) {
  const TempFolder folder;
  std::vector<ChecksumEntry> entries;
  for (const std::string& name : kNames) {
    WriteFile(folder / name, "contents of " + name);
    entries.push_back({Sha256::HexOf("contents of " + name), name});
  }
  WriteFile(folder / "SUMS", UpdateChecksums("", entries));
  const std::vector<std::string> check = {"--check", "--strict", "--quiet", "SUMS"};
  const auto good = RunProgram("sha256sum", check, {.folder = folder.path(), .environment = {}});
  EXPECT_EQ(good.status, 0) << good.out << good.err;

  for (const std::string& name : kNames) {
    WriteFile(folder / name, "something else");
    EXPECT_NE(RunProgram("sha256sum", check, {.folder = folder.path(), .environment = {}}).status, 0) << name;
    WriteFile(folder / name, "contents of " + name);
  }
}

TEST(UpdateChecksums, ReplacesOnlyItsOwnLines) {
  const std::string existing = kA + "  first\n" + kA + "  mine\n" + kA + "  last\n";
  EXPECT_EQ(UpdateChecksums(existing, {{kB, "mine"}}), kA + "  first\n" + kA + "  last\n" + kB + "  mine\n");
}

TEST(UpdateChecksums, ReplacesLinesOfBinaryMode) {
  EXPECT_EQ(UpdateChecksums(kA + " *mine\n", {{kB, "mine"}}), kB + "  mine\n");
}

// An old line that stayed would be one that sha256sum finds wrong.
TEST(UpdateChecksums, ReplacesItsLinesInWhateverForm) {
  for (const std::string& old : {"SHA256 (mine) = " + kA + "\n", kA + "  ./mine\n", kA + "  mine\r\n"}) {
    EXPECT_EQ(UpdateChecksums(old, {{kB, "mine"}}), kB + "  mine\n") << old;
    EXPECT_EQ(UpdateChecksums(old, {}, {"mine"}), "") << old;
  }
}

TEST(UpdateChecksums, ReplacesEscapedLines) {
  const std::string before = ChecksumLine({kA, "a\\b\nc"});
  EXPECT_EQ(UpdateChecksums(before, {{kB, "a\\b\nc"}}), ChecksumLine({kB, "a\\b\nc"}));
}

TEST(UpdateChecksums, ReplacesALineThatStandsTwice) {
  EXPECT_EQ(UpdateChecksums(kA + "  mine\n" + kC + "  mine\n", {{kB, "mine"}}), kB + "  mine\n");
}

TEST(UpdateChecksums, KeepsNamesThatOnlyBeginOrEndAlike) {
  const std::string others = kA + "  mine.data\n" + kA + "  dir/mine\n" + kA + "  min\n" + kA + "  mine \n";
  EXPECT_EQ(UpdateChecksums(others, {{kB, "mine"}}), others + kB + "  mine\n");
}

TEST(UpdateChecksums, KeepsWhatIsNoChecksum) {
  const std::string odd = "# a comment\n\nshort\n\\\n" + kA + "\n" + kA + "  \n";
  EXPECT_EQ(UpdateChecksums(odd, {{kB, "mine"}}), odd + kB + "  mine\n");
}

TEST(UpdateChecksums, EndsALineThatWasNotEnded) {
  EXPECT_EQ(UpdateChecksums(kA + "  other", {{kB, "mine"}}), kA + "  other\n" + kB + "  mine\n");
}

TEST(UpdateChecksums, WritesEntriesInTheirOrder) {
  const std::vector<ChecksumEntry> entries = {{kB, "m.onnx"}, {kC, "m.onnx.data"}};
  const std::string both = kB + "  m.onnx\n" + kC + "  m.onnx.data\n";
  EXPECT_EQ(UpdateChecksums("", entries), both);
  EXPECT_EQ(UpdateChecksums(both, entries), both) << "again and again the same";
}

TEST(NameForChecksum, IsRelativeToTheChecksumFile) {
  EXPECT_EQ(NameForChecksum("/a/b/model.onnx", "/a/b/model.onnx.sha256"), "model.onnx");
  EXPECT_EQ(NameForChecksum("/a/b/model.onnx", "/a/SUMS"), "b/model.onnx");
  EXPECT_EQ(NameForChecksum("/a/b/model.onnx", "/a/c/d/SUMS"), "../../b/model.onnx");
  EXPECT_EQ(NameForChecksum("model.onnx", "SUMS"), "model.onnx");
  EXPECT_EQ(NameForChecksum("./x/../model.onnx", "SUMS"), "model.onnx");
  EXPECT_EQ(NameForChecksum("out/model.onnx", "SUMS"), "out/model.onnx");
}

TEST(NameForChecksum, SeesThroughLinksOfFolders) {
  const TempFolder folder;
  fs::create_directories(folder / "real" / "deep");
  fs::create_directory_symlink(folder / "real" / "deep", folder / "link");
  EXPECT_EQ(NameForChecksum(folder / "link" / "m.onnx", folder / "real" / "deep" / "SUMS"), "m.onnx");
  EXPECT_EQ(NameForChecksum(folder / "link" / "m.onnx", folder / "SUMS"), "real/deep/m.onnx");
}

// The output replaces a link that has its name, so the link's target is not what is checked.
TEST(NameForChecksum, DoesNotFollowTheFileItself) {
  const TempFolder folder;
  WriteFile(folder / "old.onnx", "old");
  fs::create_symlink("old.onnx", folder / "m.onnx");
  EXPECT_EQ(NameForChecksum(folder / "m.onnx", folder / "m.onnx.sha256"), "m.onnx");
}

}  // namespace
}  // namespace qi8
