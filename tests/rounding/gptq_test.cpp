// Against an oracle in plain double precision, written from the paper: it moves the elements that are still
// to come by the Cholesky factor of the inverse of H.

#include "rounding/gptq.hpp"

#include <gtest/gtest.h>
#include <oneapi/tbb/global_control.h>

#include <Eigen/Dense>
#include <algorithm>
#include <limits>
#include <numeric>
#include <random>

namespace qi8::rounding {
namespace {

using Eigen::Index;

constexpr kernels::CodeRange kInt8 = {-127, 127};

[[nodiscard]] Codes RoundByThePaper(const Floats& x, const Floats& weight, const CodeGrid& grid) {
  const Index k = weight.rows();
  const Eigen::MatrixXd exact = x.cast<double>();
  Eigen::MatrixXd h = exact.transpose() * exact;
  h += Eigen::MatrixXd::Identity(k, k) * 0.01 * h.diagonal().mean();
  std::vector<Index> order(static_cast<std::size_t>(k));
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](Index a, Index b) { return h(a, a) > h(b, b); });
  Eigen::MatrixXd permuted(k, k);
  Eigen::MatrixXd w(k, weight.cols());
  for (Index i = 0; i < k; ++i) {
    for (Index j = 0; j < k; ++j)
      permuted(i, j) = h(order[static_cast<std::size_t>(i)], order[static_cast<std::size_t>(j)]);
    w.row(i) = weight.row(order[static_cast<std::size_t>(i)]).cast<double>();
  }
  const Eigen::MatrixXd inverse = permuted.inverse();
  const Eigen::MatrixXd upper = inverse.llt().matrixU();
  Codes codes(k, weight.cols());
  for (Index i = 0; i < k; ++i) {
    const Index row = order[static_cast<std::size_t>(i)];
    for (Index n = 0; n < weight.cols(); ++n) {
      const double code = grid.Nearest(row, n, w(i, n));
      codes(row, n) = static_cast<std::int8_t>(code);
      const double error = (w(i, n) - grid.Value(row, n, code)) / upper(i, i);
      for (Index j = i + 1; j < k; ++j) w(j, n) -= error * upper(i, j);
    }
  }
  return codes;
}

[[nodiscard]] Floats Random(Index rows, Index columns, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  Floats numbers(rows, columns);
  for (Index i = 0; i < numbers.size(); ++i) numbers.data()[i] = normal(random);
  return numbers;
}

// Rows whose elements have much to do with each other, as those of activations have.
[[nodiscard]] Floats Correlated(Index rows, Index columns, unsigned seed) {
  return Random(rows, columns, seed) * Random(columns, columns, seed + 1) + Random(rows, columns, seed + 2);
}

// A scale for each column, or for each block of one.
[[nodiscard]] CodeGrid GridFor(const Floats& weight, Index block) {
  CodeGrid grid{.block = block,
                .scales = Floats(weight.rows() / block, weight.cols()),
                .zero_points = {},
                .range = kInt8};
  for (Index b = 0; b < grid.scales.rows(); ++b) {
    for (Index n = 0; n < weight.cols(); ++n) {
      const float most = weight.block(b * block, n, block, 1).cwiseAbs().maxCoeff();
      grid.scales(b, n) = most > 0 ? most / 127 : 1;
    }
  }
  return grid;
}

[[nodiscard]] Codes Learn(const Floats& x, const Floats& weight, const CodeGrid& grid) {
  Doubles gram = Doubles::Zero(x.cols(), x.cols());
  AddGram(x, gram);
  return FactoredHessian::Of(std::move(gram)).value().Round(weight, grid);
}

struct Sizes {
  const char* name;
  Index rows, k, n;
};

class GptqOfSizes : public ::testing::TestWithParam<Sizes> {};

TEST_P(GptqOfSizes, GivesTheCodesOfThePaper) {
  const auto& [name, rows, k, n] = GetParam();
  const Floats x = Correlated(rows, k, 1);
  const Floats weight = Random(k, n, 7);
  const CodeGrid grid = GridFor(weight, k);
  const Codes codes = Learn(x, weight, grid);
  EXPECT_EQ(codes, RoundByThePaper(x, weight, grid));
  EXPECT_EQ(codes == RoundToNearest(weight, grid), k == 1);
}

INSTANTIATE_TEST_SUITE_P(All, GptqOfSizes,
                         ::testing::Values(Sizes{"Small", 40, 8, 5}, Sizes{"OneRowOfWeights", 20, 1, 9},
                                           Sizes{"OneColumn", 90, 30, 1},
                                           Sizes{"SeveralPanelsAndChunks", 700, 300, 70},
                                           Sizes{"FewerRowsThanK", 9, 40, 12}),
                         [](const auto& sizes) { return std::string(sizes.param.name); });

TEST(Gptq, BlocksHaveTheirOwnScales) {
  const Floats x = Correlated(200, 64, 3);
  const Floats weight = Random(64, 10, 4);
  const CodeGrid grid = GridFor(weight, 16);
  EXPECT_EQ(Learn(x, weight, grid), RoundByThePaper(x, weight, grid));
}

TEST(Gptq, ZeroPointsAndNarrowCodes) {
  const Floats x = Correlated(200, 24, 3);
  const Floats weight = Random(24, 6, 4);
  CodeGrid grid = GridFor(weight, 24);
  grid.scales *= 4;
  grid.zero_points = Floats::Constant(1, 6, -11);
  grid.range = {-30, 5};
  const Codes codes = Learn(x, weight, grid);
  EXPECT_EQ(codes, RoundByThePaper(x, weight, grid));
  EXPECT_GE(codes.cast<int>().minCoeff(), -30);
  EXPECT_LE(codes.cast<int>().maxCoeff(), 5);
}

TEST(Gptq, WhatIsNeverGivenIsRoundedToTheNearest) {
  Floats x = Correlated(100, 12, 3);
  x.col(4).setZero();
  x.col(9).setZero();
  const Floats weight = Random(12, 5, 4);
  const CodeGrid grid = GridFor(weight, 12);
  const Codes codes = Learn(x, weight, grid);
  const Codes nearest = RoundToNearest(weight, grid);
  EXPECT_EQ(codes, RoundByThePaper(x, weight, grid));
  EXPECT_EQ(codes.row(4), nearest.row(4));
  EXPECT_EQ(codes.row(9), nearest.row(9));
}

TEST(Gptq, NothingIsLearnedFromZerosOrFromWhatIsNotFinite) {
  EXPECT_FALSE(FactoredHessian::Of(Doubles::Zero(5, 5)).has_value());
  EXPECT_FALSE(
      FactoredHessian::Of(Doubles::Constant(3, 3, std::numeric_limits<double>::infinity())).has_value());
  EXPECT_FALSE(
      FactoredHessian::Of(Doubles::Constant(3, 3, std::numeric_limits<double>::quiet_NaN())).has_value());
}

TEST(Gptq, HugeAndTinyNumbers) {
  for (const float size : {1e-30F, 1e30F}) {
    const Floats x = Correlated(100, 16, 3) * size;
    const Floats weight = Random(16, 5, 4) / size;
    const CodeGrid grid = GridFor(weight, 16);
    EXPECT_EQ(Learn(x, weight, grid), RoundByThePaper(x, weight, grid)) << size;
  }
}

TEST(Gptq, AChannelOfZerosStaysOne) {
  const Floats x = Correlated(100, 16, 3);
  Floats weight = Random(16, 5, 4);
  weight.col(2).setZero();
  EXPECT_TRUE(Learn(x, weight, GridFor(weight, 16)).col(2).isZero());
}

TEST(Gptq, MakesTheProductMoreExact) {
  const Floats x = Correlated(600, 96, 3);
  const Floats weight = Random(96, 40, 4);
  const CodeGrid grid = GridFor(weight, 96);
  const ProductError nearest = ErrorOfProduct(x, weight, grid, RoundToNearest(weight, grid));
  const ProductError learned = ErrorOfProduct(x, weight, grid, Learn(x, weight, grid));
  EXPECT_LT(learned.noise, nearest.noise / 2);
  // What ErrorOfProduct says, reckoned at once.
  const Codes codes = RoundToNearest(weight, grid);
  Eigen::MatrixXd error = weight.cast<double>();
  for (Index k = 0; k < 96; ++k) {
    for (Index n = 0; n < 40; ++n) error(k, n) -= grid.Value(k, n, codes(k, n));
  }
  const Eigen::MatrixXd exact = x.cast<double>();
  EXPECT_NEAR(nearest.noise / (exact * error).squaredNorm(), 1, 1e-9);
  EXPECT_NEAR(nearest.signal / (exact * weight.cast<double>()).squaredNorm(), 1, 1e-9);
}

// An error counts by its logarithm: one that is a hundredth in half of the numbers makes up for one that is
// ten times as large in the other half.
TEST(Gptq, QuietNumbersOfAProductCountAsLoudOnes) {
  Floats x(2, 2);
  x << 1000, 0, 0, 1;
  Floats weight(2, 1);
  weight << 10.4F, 20.5F;
  CodeGrid grid{.block = 1, .scales = Floats::Ones(2, 1), .zero_points = {}, .range = {-128, 127}};
  const auto error_of = [&](int first, int second) {
    Codes codes(2, 1);
    codes << static_cast<std::int8_t>(first), static_cast<std::int8_t>(second);
    return ErrorOfProduct(x, weight, grid, codes);
  };
  EXPECT_NEAR(error_of(10, 20).logarithms, std::log(400) + std::log(0.5), 1e-5);
  EXPECT_NEAR(error_of(11, 22).logarithms, std::log(600) + std::log(1.5), 1e-5);
  // No error is as good as float32's own.
  weight << 10, 0;
  EXPECT_NEAR(error_of(10, 0).logarithms, std::log(10000 * 0x1p-24) + std::log(1e-300), 1e-5);
}

TEST(Gptq, ThreadsChangeNothing) {
  const Floats x = Correlated(900, 300, 3);
  const Floats weight = Random(300, 200, 4);
  const CodeGrid grid = GridFor(weight, 300);
  const auto with = [&](std::size_t threads) {
    const oneapi::tbb::global_control most(oneapi::tbb::global_control::max_allowed_parallelism, threads);
    Doubles gram = Doubles::Zero(300, 300);
    AddGram(x, gram);
    const ProductError error = ErrorOfProduct(x, weight, grid, RoundToNearest(weight, grid));
    return std::tuple(gram, FactoredHessian::Of(gram).value().Round(weight, grid), error.noise,
                      error.logarithms);
  };
  EXPECT_EQ(with(1), with(4));
}

}  // namespace
}  // namespace qi8::rounding
