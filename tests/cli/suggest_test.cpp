#include "cli/suggest.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace qi8::cli {
namespace {

const std::vector<std::string> kWords = {"--include", "--exclude", "--json", "--isa", "-q"};

TEST(NearestTest, FindsWhatOneOrTwoSlipsExplain) {
  EXPECT_EQ(Nearest("--exlude", kWords), "--exclude");    // a letter left out
  EXPECT_EQ(Nearest("--exclsude", kWords), "--exclude");  // one added
  EXPECT_EQ(Nearest("--exclude", kWords), "--exclude");
  EXPECT_EQ(Nearest("--ixclude", kWords), "--include");
  EXPECT_EQ(Nearest("--jsno", kWords), "--json");  // neighbours swapped: one slip, not two
  EXPECT_EQ(Nearest("--ias", kWords), "--isa");
}

TEST(NearestTest, ShortWordsAllowFewerSlips) {
  EXPECT_EQ(Nearest("", kWords), std::nullopt);
  EXPECT_EQ(Nearest("-x", kWords), std::nullopt);
  EXPECT_EQ(Nearest("--is", kWords), "--isa");
  EXPECT_EQ(Nearest("--abc", kWords), std::nullopt);
}

TEST(NearestTest, LongWordsAreNoneOfThem) {
  EXPECT_EQ(Nearest("--verbose", kWords), std::nullopt);
  EXPECT_EQ(Nearest(std::string(1 << 20, '-'), kWords), std::nullopt);
}

TEST(CompletedTest, AreThoseThatBeginSo) {
  const std::vector<std::string> words = {"--version", "--dry-run", "--in",    "--include", "-q",
                                          "--max-a",   "--max-b",   "--max-c", "--max-d"};
  EXPECT_THAT(Completed("--dry", words), ::testing::ElementsAre("--dry-run"));
  EXPECT_THAT(Completed("-v", words), ::testing::ElementsAre("--version"));
  EXPECT_THAT(Completed("-i", words), ::testing::ElementsAre("--in", "--include"));
  EXPECT_THAT(Completed("--m", words), ::testing::IsEmpty()) << "too many";
  EXPECT_THAT(Completed("--", words), ::testing::IsEmpty());
  EXPECT_THAT(Completed("--x", words), ::testing::IsEmpty());
}

TEST(DidYouMeanTest, IsEmptyWhereNothingIsNear) {
  EXPECT_EQ(DidYouMean("--exlude", kWords), " (did you mean --exclude?)");
  EXPECT_EQ(DidYouMean("-i", kWords), " (did you mean --include or --isa?)");
  EXPECT_EQ(DidYouMean("--verbose", kWords), "");
}

}  // namespace
}  // namespace qi8::cli
