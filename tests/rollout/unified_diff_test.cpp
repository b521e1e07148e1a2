#include "rollout/unified_diff.hpp"

#include <gtest/gtest.h>

#include <random>
#include <stdexcept>

#include "support/program.hpp"
#include "support/temp_folder.hpp"

namespace qi8 {
namespace {

using testing::ReadFile;
using testing::RunProgram;
using testing::TempFolder;
using testing::WriteFile;

TEST(UnifiedDiffTest, OfEqualTextsIsEmpty) {
  EXPECT_EQ(UnifiedDiff("a\nb\n", "a\nb\n", "f"), "");
  EXPECT_EQ(UnifiedDiff("", "", "f"), "");
}

TEST(UnifiedDiffTest, ShowsThreeLinesAround) {
  EXPECT_EQ(UnifiedDiff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nV\n6\n7\n8\n9\n", "f"),
            "--- f\n+++ f\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+V\n 6\n 7\n 8\n");
}

TEST(UnifiedDiffTest, TellsOfAMissingLineEnd) {
  EXPECT_EQ(UnifiedDiff("a\nb", "a\nc", "f"),
            "--- f\n+++ f\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n\\ No newline at end "
            "of file\n");
}

TEST(UnifiedDiffTest, IsForChangedLinesOnly) {
  EXPECT_THROW(static_cast<void>(UnifiedDiff("a\n", "a\nb\n", "f")), std::logic_error);
}

// It is what diff prints, and patch takes it.
TEST(UnifiedDiffTest, IsWhatDiffSays) {
  std::mt19937 random(1);  // NOLINT(cert-msc51-cpp): the same every time
  const TempFolder folder;
  for (int round = 0; round < 40; ++round) {
    std::string before;
    std::string after;
    const auto lines = random() % 40 + 1;
    for (std::size_t i = 0; i < lines; ++i) {
      const std::string end = i + 1 == lines && round % 3 == 0 ? "" : "\n";
      before += std::to_string(i) + end;
      after += (random() % 5 == 0 ? "new " + std::to_string(i) : std::to_string(i)) + end;
    }
    WriteFile(folder / "a", before);
    WriteFile(folder / "b", after);
    const auto expected = RunProgram("diff", {"-u", "--minimal", "--label", "f", "--label", "f",
                                              (folder / "a").native(), (folder / "b").native()});
    EXPECT_EQ(UnifiedDiff(before, after, "f"), expected.out);
  }
}

}  // namespace
}  // namespace qi8
