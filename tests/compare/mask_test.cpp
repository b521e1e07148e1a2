#include "compare/mask.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "qi8/error.hpp"

namespace qi8::compare {
namespace {

using runtime::Tensor;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

[[nodiscard]] std::vector<runtime::ValueInfo> Inputs(const std::vector<std::string>& names) {
  std::vector<runtime::ValueInfo> inputs;
  for (const std::string& name : names) inputs.push_back({.name = name, .shape = {}, .dim_names = {}});
  return inputs;
}

TEST(FindMaskTest, TakesTheOneThatIsNamedAndElseTheUsualOne) {
  EXPECT_EQ(FindMask("b", Inputs({"a", "b"})), 1U);
  EXPECT_EQ(FindMask(std::nullopt, Inputs({"input_ids", "attention_mask"})), 1U);
  EXPECT_EQ(FindMask(std::nullopt, Inputs({"a", "b"})), std::nullopt);
  EXPECT_EQ(FindMask("a", Inputs({"a", "attention_mask"})), 0U);
}

TEST(FindMaskTest, AMaskThatIsNotThereIsWrongUsage) {
  try {
    static_cast<void>(FindMask("c", Inputs({"a", "b"})));
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUsage);
    EXPECT_THAT(error.what(), HasSubstr("no input 'c'; it has 'a', 'b'"));
  }
}

[[nodiscard]] Tensor Mask(const std::vector<std::int64_t>& values) {
  return Tensor::Of<std::int64_t>(DataType::kInt64, {2, 2}, values);
}

TEST(WithoutMaskedTest, KeepsThePositionsThatAreOn) {
  const Tensor output =
      Tensor::Of<float>(DataType::kFloat, {2, 2, 2}, std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7});
  const Tensor left = WithoutMasked(output, Mask({1, 0, 0, 1}));
  EXPECT_EQ(left.shape, (std::vector<std::int64_t>{2, 2}));
  EXPECT_THAT(left.As<float>(), ElementsAre(0, 1, 6, 7));
  // An element for each position.
  const Tensor flat = Tensor::Of<float>(DataType::kFloat, {2, 2}, std::vector<float>{0, 1, 2, 3});
  EXPECT_THAT(WithoutMasked(flat, Mask({0, 1, 1, 0})).As<float>(), ElementsAre(1, 2));
}

TEST(WithoutMaskedTest, TakesMasksOfFloatsAndBool) {
  const Tensor output = Tensor::Of<float>(DataType::kFloat, {3}, std::vector<float>{1, 2, 3});
  const Tensor floats = Tensor::Of<float>(DataType::kFloat, {3}, std::vector<float>{0, 1, 0.5});
  EXPECT_THAT(WithoutMasked(output, floats).As<float>(), ElementsAre(2, 3));
  const Tensor bools = Tensor::Of<std::uint8_t>(DataType::kBool, {3}, std::vector<std::uint8_t>{1, 0, 0});
  EXPECT_THAT(WithoutMasked(output, bools).As<float>(), ElementsAre(1));
}

TEST(WithoutMaskedTest, LeavesWhatHasNoPositionsAsItIs) {
  const Tensor pooled = Tensor::Of<float>(DataType::kFloat, {2, 3}, std::vector<float>{0, 1, 2, 3, 4, 5});
  EXPECT_EQ(WithoutMasked(pooled, Mask({1, 0, 0, 1})).shape, pooled.shape);
  const Tensor one = Tensor::Of<float>(DataType::kFloat, {2}, std::vector<float>{0, 1});
  EXPECT_EQ(WithoutMasked(one, Mask({1, 0, 0, 1})).shape, one.shape);
  // All off: then nothing would be left to compare.
  const Tensor flat = Tensor::Of<float>(DataType::kFloat, {2, 2}, std::vector<float>{0, 1, 2, 3});
  EXPECT_EQ(WithoutMasked(flat, Mask({0, 0, 0, 0})).shape, flat.shape);
}

}  // namespace
}  // namespace qi8::compare
