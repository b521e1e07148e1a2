// What an INT8 weight must be, worked out anew from the rules with Eigen in double precision, sharing nothing
// with src.
#pragma once

#include <Eigen/Core>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace qi8::testing {

struct QuantizedMatrix {
  Eigen::Matrix<std::int8_t, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> values;
  Eigen::VectorXf scales;  // one for each column
};

// Symmetric int8, a scale for each column of `weights` [K, N]: the largest magnitude becomes 127, rounding is
// to even, a column whose scale would be denormal has scale 1.
[[nodiscard]] inline QuantizedMatrix QuantizeColumns(const Eigen::MatrixXd& weights) {
  QuantizedMatrix result;
  const Eigen::VectorXd largest = weights.cwiseAbs().colwise().maxCoeff();
  result.scales = (2.0 * largest / 254.0).cast<float>();
  result.scales = (result.scales.array() < std::numeric_limits<float>::min()).select(1.0F, result.scales);
  result.values.resize(weights.rows(), weights.cols());
  for (Eigen::Index c = 0; c < weights.cols(); ++c) {
    for (Eigen::Index r = 0; r < weights.rows(); ++r) {
      // The double quotient of two floats, rounded to float, is their float quotient: doubles have more than
      // twice the digits. nearbyint rounds halves to even.
      const auto quotient = static_cast<float>(weights(r, c) / static_cast<double>(result.scales[c]));
      const double rounded = std::nearbyint(static_cast<double>(quotient));
      result.values(r, c) = static_cast<std::int8_t>(std::min(127.0, std::max(-128.0, rounded)));
    }
  }
  return result;
}

}  // namespace qi8::testing
