#include "compare/compare_outputs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "qi8/error.hpp"

namespace qi8::compare {
namespace {

[[nodiscard]] runtime::Tensor Floats(std::vector<std::int64_t> shape, const std::vector<float>& values) {
  return runtime::Tensor::Of<float>(DataType::kFloat, std::move(shape), values);
}

[[nodiscard]] runtime::ValueInfo Declared(DataType type, const std::vector<std::int64_t>& shape) {
  return {.name = "y",
          .type = type,
          .shape = shape,
          .dim_names = std::vector<std::string>(shape.size()),
          .is_tensor = true};
}

TEST(HasClassesTest, TheLastAxisIsFixedAndWide) {
  EXPECT_TRUE(HasClasses(Declared(DataType::kFloat, {-1, -1, 256}), {}));
  EXPECT_FALSE(HasClasses(Declared(DataType::kFloat, {1, -1}), {}));
  EXPECT_FALSE(HasClasses(Declared(DataType::kFloat, {-1, 1}), {}));
  EXPECT_FALSE(HasClasses(Declared(DataType::kFloat, {256}), {}));
  EXPECT_FALSE(HasClasses(Declared(DataType::kInt64, {-1, 256}), {}));
}

TEST(HasClassesTest, AStateHasNone) {
  const auto state = Declared(DataType::kFloat, {2, 1, 128});
  EXPECT_FALSE(HasClasses(state, {Declared(DataType::kFloat, {1, 512}), state}));
}

TEST(CompareOutputTest, CountsRowsOfTheSameLargestElement) {
  const auto fp32 = Floats({4, 3}, {1, 2, 3, 3, 2, 1, 0, 5, 0, 0, 0, 1});
  const auto int8 = Floats({4, 3}, {1, 2, 2.5F, 3, 2, 1, 0, 5, 0, 2, 0, 1});
  const OutputResult result = CompareOutput("y", true, fp32, int8);
  EXPECT_DOUBLE_EQ(result.top1.value(), 0.75);
  EXPECT_GT(result.sqnr_db.value(), 5);
  EXPECT_LT(result.cosine.value(), 1);
  EXPECT_EQ(result.max_difference, 2);
  EXPECT_EQ(CompareOutput("y", false, fp32, int8).top1, std::nullopt);
}

TEST(CompareOutputTest, IntegersAgreeByTheShareOfEqualOnes) {
  const auto of = [](const std::vector<std::int64_t>& values) {
    return runtime::Tensor::Of<std::int64_t>(DataType::kInt64, {4}, values);
  };
  const OutputResult result = CompareOutput("y", false, of({1, 2, 3, 4}), of({1, 2, 3, 9}));
  EXPECT_DOUBLE_EQ(result.top1.value(), 0.75);
  EXPECT_EQ(result.sqnr_db, std::nullopt);
  EXPECT_EQ(result.cosine, std::nullopt);
}

TEST(CompareOutputTest, OtherShapesAreAsFarApartAsCanBe) {
  const OutputResult result = CompareOutput("y", true, Floats({1, 2}, {1, 2}), Floats({1, 3}, {1, 2, 3}));
  EXPECT_EQ(result.sqnr_db, -INFINITY);
  EXPECT_EQ(result.cosine, 0);
  EXPECT_EQ(result.top1, 0);
  EXPECT_EQ(result.max_difference, INFINITY);
}

TEST(CompareOutputTest, OtherTypesAreAnErrorThatNamesTheOutput) {
  const auto doubles = runtime::Tensor::Of<double>(DataType::kDouble, {1}, std::vector<double>{1});
  EXPECT_THROW(
      try {
        static_cast<void>(CompareOutput("logits", false, Floats({1}, {1}), doubles));
      } catch (const Error& error) {
        EXPECT_THAT(error.what(), ::testing::HasSubstr("output 'logits'"));
        throw;
      },
      Error);
}

TEST(CompareOutputTest, NothingAgreesWithNothing) {
  EXPECT_EQ(CompareOutput("y", true, Floats({0, 3}, {}), Floats({0, 3}, {})).top1, 1);
}

TEST(CombineTest, TheWorstCountsAndPlacesAddUp) {
  const auto fp32 = Floats({2, 2}, {1, 2, 2, 1});
  const auto good = CompareOutput("y", true, fp32, Floats({2, 2}, {1, 2.1F, 2, 1}));
  const auto bad = CompareOutput("y", true, fp32, Floats({2, 2}, {2, 1, 2, 1}));
  const OutputResult results[] = {good, bad};
  const OutputResult all = Combine(results);
  EXPECT_EQ(all.sqnr_db, bad.sqnr_db);
  EXPECT_EQ(all.cosine, bad.cosine);
  EXPECT_EQ(all.max_difference, 1);
  EXPECT_EQ(all.top1, 0.75);
  CaseResult one;
  one.sets = {{"a", {good}}, {"b", {bad}}};
  EXPECT_EQ(WorstSet(one, 0), "b");
  EXPECT_NEAR(OverallSqnr(one, 0).value(), 10 * std::log10(20 / 2.01), 1e-4);
}

}  // namespace
}  // namespace qi8::compare
