#include "rounding/rows.hpp"

#include <gmock/gmock.h>

#include <limits>
#include <numeric>

#include "support/failure.hpp"

namespace qi8::rounding {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// 0, 1, 2, ... in that shape.
[[nodiscard]] runtime::Tensor Counted(std::vector<std::int64_t> shape) {
  std::vector<float> values(static_cast<std::size_t>(
      std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>())));
  std::iota(values.begin(), values.end(), 0.0F);
  return runtime::Tensor::Of<float>(DataType::kFloat, std::move(shape), values);
}

[[nodiscard]] MatrixFactor Factor(std::vector<std::int64_t> dims, bool other_is_turned = false) {
  return {.other = 0, .other_is_turned = other_is_turned, .dims = std::move(dims), .strides = {}};
}

// The rows of each matrix, one element of each that tells it from the others.
[[nodiscard]] std::vector<std::vector<float>> FirstColumns(const runtime::Tensor& x,
                                                           const MatrixFactor& factor) {
  std::vector<Floats> rows(MatricesOf(factor));
  AddRows(x, factor, rows);
  std::vector<std::vector<float>> columns;
  for (const Floats& matrix : rows) {
    std::vector<float>& column = columns.emplace_back();
    for (Eigen::Index row = 0; row < matrix.rows(); ++row) column.push_back(matrix(row, 0));
  }
  return columns;
}

TEST(AddRows, LeadingDimensionsOfOneMatrixAreRows) {
  EXPECT_THAT(FirstColumns(Counted({2, 3, 4}), Factor({4, 5})),
              ElementsAre(ElementsAre(0, 4, 8, 12, 16, 20)));
  EXPECT_THAT(FirstColumns(Counted({4}), Factor({4, 5})), ElementsAre(ElementsAre(0))) << "a vector is a row";
}

TEST(AddRows, AreAddedToThoseThatAreThere) {
  std::vector<Floats> rows(1);
  AddRows(Counted({2, 4}), Factor({4, 5}), rows);
  AddRows(Counted({3, 4}), Factor({4, 5}), rows);
  EXPECT_EQ(rows[0].rows(), 5);
  EXPECT_EQ(rows[0](1, 3), 7);
  EXPECT_EQ(rows[0](2, 3), 3);
}

TEST(AddRows, OfAFactorThatIsTurned) {
  EXPECT_THAT(FirstColumns(Counted({4, 3}), Factor({4, 5}, true)), ElementsAre(ElementsAre(0, 1, 2)));
}

TEST(AddRows, EachMatrixOfABatchHasItsOwn) {
  EXPECT_THAT(FirstColumns(Counted({3, 2, 4}), Factor({3, 4, 5})),
              ElementsAre(ElementsAre(0, 4), ElementsAre(8, 12), ElementsAre(16, 20)));
}

TEST(AddRows, BatchesBroadcast) {
  EXPECT_THAT(FirstColumns(Counted({2, 1, 1, 4}), Factor({3, 4, 5})),
              ElementsAre(ElementsAre(0, 4), ElementsAre(0, 4), ElementsAre(0, 4)))
      << "all of x for each matrix";
  EXPECT_THAT(FirstColumns(Counted({2, 4}), Factor({2, 3, 4, 5})), ::testing::Each(ElementsAre(0, 4)));
  EXPECT_THAT(FirstColumns(Counted({2, 3, 1, 4}), Factor({2, 1, 4, 5})),
              ElementsAre(ElementsAre(0, 4, 8), ElementsAre(12, 16, 20)));
}

TEST(AddRows, RowsThatAreNotFiniteTeachNothing) {
  std::vector<float> values(12, 1);
  values[1] = std::numeric_limits<float>::quiet_NaN();
  values[8] = -std::numeric_limits<float>::infinity();
  values[4] = 5;
  EXPECT_THAT(FirstColumns(runtime::Tensor::Of<float>(DataType::kFloat, {3, 4}, values), Factor({4, 5})),
              ElementsAre(ElementsAre(5)));
}

TEST(AddRows, WhatDoesNotFitIsAnError) {
  std::vector<Floats> rows(1);
  EXPECT_THAT(testing::FailureOf([&] {
                AddRows(Counted({2, 3}), Factor({4, 5}), rows);
              }),
              ::testing::AllOf(HasSubstr("[2, 3]"), HasSubstr("[4, 5]")));
}

}  // namespace
}  // namespace qi8::rounding
