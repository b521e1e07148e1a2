// The whole quantization of a matrix against a second implementation that shares no code with the first:
// Eigen, in double precision.
#include <gtest/gtest.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <vector>

#include "kernels/kernels.hpp"
#include "kernels/scale.hpp"
#include "support.hpp"

namespace qi8::kernels {
namespace {

using FloatMatrix = Eigen::Array<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using CodeMatrix = Eigen::Array<std::int8_t, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

struct Quantized {
  Eigen::ArrayXf scales;  // one for each column
  CodeMatrix codes;
};

// Quantizes each column. The quotient is rounded twice, to double and then to float, which is the same as the
// one rounding of a float division: a double has 53 bits of precision, and 2 * 24 + 2 suffice for that
// (Figueroa, "When is double rounding innocuous?", 1995). Where the quotient is denormal this doesn't hold,
// but those are rounded to 0 anyway.
[[nodiscard]] Quantized Oracle(const FloatMatrix& weights) {
  const Eigen::ArrayXXd wide = weights.cast<double>();
  const Eigen::ArrayXd exact_scales = wide.abs().colwise().maxCoeff().transpose() * 2.0 / 254.0;
  Quantized result;
  result.scales = exact_scales.cast<float>();
  result.scales = (result.scales < std::numeric_limits<float>::min()).select(1.0F, result.scales);
  const Eigen::ArrayXXf quotients = (wide.rowwise() / result.scales.cast<double>().transpose()).cast<float>();
  result.codes = quotients.rint().cwiseMax(-128.0F).cwiseMin(127.0F).cast<std::int8_t>();
  return result;
}

[[nodiscard]] std::span<const float> Elements(const FloatMatrix& matrix) {
  return {matrix.data(), static_cast<std::size_t>(matrix.size())};
}

[[nodiscard]] std::span<std::int8_t> Elements(CodeMatrix& matrix) {
  return {matrix.data(), static_cast<std::size_t>(matrix.size())};
}

[[nodiscard]] Eigen::ArrayXf Scales(const std::vector<std::uint32_t>& max) {
  Eigen::ArrayXf scales(static_cast<Eigen::Index>(max.size()));
  std::transform(max.begin(), max.end(), scales.begin(), [](std::uint32_t bits) {
    return ParametersOf({}, {bits, 0}).scale;
  });
  return scales;
}

[[nodiscard]] std::span<const float> Elements(const Eigen::ArrayXf& scales) {
  return {scales.data(), static_cast<std::size_t>(scales.size())};
}

[[nodiscard]] Quantized ByColumn(const FloatMatrix& weights) {
  std::vector<std::uint32_t> max(static_cast<std::size_t>(weights.cols()));
  AbsMaxBitsByColumn(Elements(weights), 0, max);
  Quantized result{Scales(max), CodeMatrix(weights.rows(), weights.cols())};
  QuantizeByColumn(Elements(weights), 0, Elements(result.scales), {}, Elements(result.codes));
  return result;
}

[[nodiscard]] std::vector<std::uint32_t> RowMaxima(const FloatMatrix& weights) {
  std::vector<std::uint32_t> max(static_cast<std::size_t>(weights.rows()));
  AbsMaxBitsByRow(Elements(weights), max);
  return max;
}

[[nodiscard]] Quantized ByRow(const FloatMatrix& weights) {
  Quantized result{Scales(RowMaxima(weights)), CodeMatrix(weights.rows(), weights.cols())};
  QuantizeByRow(Elements(weights), Elements(result.scales), {}, Elements(result.codes));
  return result;
}

[[nodiscard]] Quantized ByRowTransposed(const FloatMatrix& weights) {
  Quantized result{Scales(RowMaxima(weights)), CodeMatrix(weights.cols(), weights.rows())};
  QuantizeTransposed(Elements(weights), static_cast<std::size_t>(weights.rows()),
                     static_cast<std::size_t>(weights.cols()), Elements(result.scales), {},
                     result.codes.data(), static_cast<std::size_t>(weights.rows()));
  return result;
}

// Weights as models have them, the columns being of very different size: from all zero and denormal to huge.
[[nodiscard]] FloatMatrix Weights(Eigen::Index rows, Eigen::Index cols, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  FloatMatrix weights(rows, cols);
  for (Eigen::Index c = 0; c < cols; ++c) {
    const int exponent = static_cast<int>(random() % 280) - 155;
    for (Eigen::Index r = 0; r < rows; ++r) {
      weights(r, c) = c % 10 == 9 ? 0.0F : std::ldexp(normal(random), c % 2 == 0 ? -5 : exponent);
    }
  }
  return weights;
}

void ExpectEqual(const Quantized& actual, const Quantized& expected) {
  EXPECT_TRUE((actual.scales == expected.scales).all());
  EXPECT_EQ((actual.codes != expected.codes).count(), 0);
}

class OracleTest : public OnEachIsa {};

TEST_P(OracleTest, Agrees) {
  constexpr Eigen::Index kShapes[][2] = {{1, 1}, {1, 50}, {50, 1}, {37, 3}, {64, 64}, {100, 257}, {21, 1500}};
  unsigned seed = 0;
  for (const auto& [rows, cols] : kShapes) {
    SCOPED_TRACE(testing::Message() << rows << " x " << cols);
    const FloatMatrix weights = Weights(rows, cols, ++seed);
    const FloatMatrix transposed = weights.transpose();
    const Quantized expected = Oracle(weights);
    ExpectEqual(ByColumn(weights), expected);
    ExpectEqual(ByRowTransposed(transposed), expected);
    ExpectEqual(ByRow(transposed), {expected.scales, expected.codes.transpose()});
  }
}

// By the definition of the scale nothing is clipped, so a code stands for its weight within half a step, but
// for the rounding of the quotient, which is below 128: 2^-24 of that.
TEST_P(OracleTest, CodesAreWithinHalfAStep) {
  const FloatMatrix weights = Weights(200, 333, 99);
  const Quantized quantized = ByColumn(weights);
  const Eigen::ArrayXXd steps = (weights.cast<double>() - quantized.codes.cast<double>().rowwise() *
                                                              quantized.scales.cast<double>().transpose())
                                    .rowwise() /
                                quantized.scales.cast<double>().transpose();
  EXPECT_LE(steps.abs().maxCoeff(), 0.5 + 128 * 0x1p-24);
  EXPECT_GE(quantized.codes.cast<int>().minCoeff(), -127);
  // The largest weight of a column has the largest code, unless the scale would have been denormal.
  EXPECT_TRUE(
      (quantized.codes.cast<int>().abs().colwise().maxCoeff().transpose() == 127 || quantized.scales == 1.0F)
          .all());
}

QI8_INSTANTIATE_ON_EACH_ISA(OracleTest);

}  // namespace
}  // namespace qi8::kernels
