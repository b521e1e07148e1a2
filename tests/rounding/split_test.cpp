#include "rounding/split.hpp"

#include <gmock/gmock.h>

#include "qi8/error.hpp"

namespace qi8::rounding {
namespace {

using ::testing::ElementsAre;

// One input [members, 1], whose numbers are those from `first` on.
[[nodiscard]] compare::InputSet Set(std::int64_t members, float first) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < members; ++i) values.push_back(first + static_cast<float>(i));
  return {"set", {runtime::Tensor::Of<float>(DataType::kFloat, {members, 1}, values)}};
}

[[nodiscard]] std::vector<std::vector<float>> Numbers(const std::vector<compare::InputSet>& sets) {
  std::vector<std::vector<float>> numbers;
  for (const compare::InputSet& set : sets) {
    const auto values = set.inputs.at(0).As<float>();
    numbers.emplace_back(values.begin(), values.end());
  }
  return numbers;
}

TEST(Split, OneCaseInFourJudges) {
  std::vector<compare::InputSet> sets;
  for (int i = 0; i < 9; ++i) sets.push_back(Set(1, static_cast<float>(i)));
  EXPECT_TRUE(CanSplit(sets));
  const SplitCases split = Split(std::move(sets));
  EXPECT_THAT(Numbers(split.judged_by), ElementsAre(ElementsAre(3), ElementsAre(7)));
  EXPECT_EQ(split.learned_from.size(), 7U);
}

TEST(Split, OfFewCasesTheLastQuarterOfEachBatchJudges) {
  std::vector<compare::InputSet> sets = {Set(4, 0), Set(9, 10)};
  EXPECT_TRUE(CanSplit(sets));
  const SplitCases split = Split(std::move(sets));
  EXPECT_THAT(Numbers(split.learned_from),
              ElementsAre(ElementsAre(0, 1, 2), ElementsAre(10, 11, 12, 13, 14, 15, 16)));
  EXPECT_THAT(Numbers(split.judged_by), ElementsAre(ElementsAre(3), ElementsAre(17, 18)));
}

TEST(Split, TooFewAreRefused) {
  for (const auto& sets : {std::vector<compare::InputSet>{}, {Set(3, 0)}, {Set(8, 0), Set(1, 0)}}) {
    EXPECT_FALSE(CanSplit(sets));
    if (sets.empty()) continue;
    try {
      static_cast<void>(Split(sets));
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kUsage);
      EXPECT_THAT(error.what(), ::testing::HasSubstr("at least 4 cases, or a batch of 4"));
    }
  }
}

}  // namespace
}  // namespace qi8::rounding
