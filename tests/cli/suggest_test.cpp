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

TEST(CompletedTest, IsTheOneThatBeginsSo) {
  const std::vector<std::string> words = {"--version", "--dry-run", "--in", "--include", "-q"};
  EXPECT_EQ(Completed("--dry", words), "--dry-run");
  EXPECT_EQ(Completed("-v", words), "--version");
  EXPECT_EQ(Completed("-i", words), std::nullopt) << "there are two";
  EXPECT_EQ(Completed("--", words), std::nullopt);
  EXPECT_EQ(Completed("--x", words), std::nullopt);
}

TEST(DidYouMeanTest, IsEmptyWhereNothingIsNear) {
  EXPECT_EQ(DidYouMean("--exlude", kWords), " (did you mean --exclude?)");
  EXPECT_EQ(DidYouMean("--verbose", kWords), "");
}

}  // namespace
}  // namespace qi8::cli
