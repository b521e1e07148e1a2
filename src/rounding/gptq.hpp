// Codes of a weight that are chosen together, so that its product with given inputs is as exact as it can be.
//
// The inputs of a product are the rows of X, the weight is W [K, N], and Q is what its codes stand for. What
// counts is not W - Q but X (W - Q), whose power for a column w is
//
//   (w - q)' H (w - q),   H = X' X
//
// GPTQ (Frantar, Ashkboos, Hoefler, Alistarh 2022, arXiv 2210.17323) rounds one element of the column after
// the other, those with the largest diagonal element of H first, and lets the elements that are still to come
// make up for the error so far. H is damped: a share of the mean of its diagonal is added to the diagonal.
// The more it is damped, the less the errors of loud inputs are made up for at the cost of quiet ones.
//
// The paper moves the elements that are still to come, by the Cholesky factor of the inverse of H. Here each
// element is moved once, when it is its turn, by the factor of H itself. Both give the same codes (Chen,
// Shabanzadeh, Crncevic, Hoefler, Alistarh 2025, arXiv 2507.18553), and this one takes half the work: with
// H = L L', L lower triangular, the power is that of L' e, e = w - q, whose element i is
//
//   L(i,i) e(i) + sum over j > i of L(j,i) e(j)
//
// So from the last element to the first, the code of w(i) is the one nearest to
//
//   w(i) + (sum over j > i of L(j,i) e(j)) / L(i,i)
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kernels/scale.hpp"

namespace qi8::rounding {

using Doubles = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Floats = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Codes = Eigen::Matrix<std::int8_t, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// How the numbers of a weight [K, N] become codes.
struct CodeGrid {
  std::int64_t block = 1;         // rows that share scales; K where a column has one
  Floats scales;                  // [K / block, N], all above 0
  Floats zero_points;             // likewise, of codes as int8; empty: all are 0
  kernels::CodeRange range = {};  // of codes as int8

  // The scale of the element in row k and column n.
  [[nodiscard]] double Scale(std::int64_t k, std::int64_t n) const {
    return static_cast<double>(scales(k / block, n));
  }
  [[nodiscard]] double ZeroPoint(std::int64_t k, std::int64_t n) const {
    return zero_points.size() == 0 ? 0 : static_cast<double>(zero_points(k / block, n));
  }
  // What a code stands for.
  [[nodiscard]] double Value(std::int64_t k, std::int64_t n, double code) const {
    return Scale(k, n) * (code - ZeroPoint(k, n));
  }
  // The code that is nearest to a number.
  [[nodiscard]] double Nearest(std::int64_t k, std::int64_t n, double number) const;
};

// The damping that the paper's authors use.
inline constexpr double kPapersDamping = 0.01;

// The factor of the H of some inputs. It serves all weights that the same inputs are multiplied with.
class FactoredHessian {
 public:
  // `gram` is the lower triangle of X' X, [K, K], and `damping` a share of the mean of its diagonal. Nothing,
  // where nothing can be learned: all inputs are 0, or some are not finite.
  [[nodiscard]] static std::optional<FactoredHessian> Of(Doubles gram, double damping = kPapersDamping);

  // The codes of a weight [K, N]. They depend on nothing but the arguments, whatever the number of threads.
  [[nodiscard]] Codes Round(const Floats& weight, const CodeGrid& grid) const;

 private:
  FactoredHessian(std::vector<std::int64_t> order, Doubles lower)
      : order_(std::move(order)), lower_(std::move(lower)) {}

  std::vector<std::int64_t> order_;  // of the rows of W: place i has row order_[i]; the last is rounded first
  Doubles lower_;                    // L, of H in that order
};

// Adds the lower triangle of X' X to `gram`, [K, K].
void AddGram(const Floats& x, Doubles& gram);

// The codes that are nearest.
[[nodiscard]] Codes RoundToNearest(const Floats& weight, const CodeGrid& grid);

// The power of W, seen through X as the lower triangle of X' X: that of X W.
[[nodiscard]] double PowerOfProduct(const Doubles& gram, const Floats& weight);

// The power of X (W - Q), and of X W.
struct ProductError {
  double noise = 0;
  double signal = 0;
  // The sum, over the numbers of the product, of the logarithm of the error: a half of the error counts as
  // much in a quiet number as in a loud one. An error below float32's own counts as that.
  double logarithms = 0;

  [[nodiscard]] double share() const { return signal > 0 ? noise / signal : 0; }
  ProductError& operator+=(const ProductError& other);
};
// The same of the numbers themselves: of W - Q, and of W.
[[nodiscard]] ProductError ErrorOfNumbers(const Floats& weight, const CodeGrid& grid, const Codes& codes);
[[nodiscard]] ProductError ErrorOfProduct(const Floats& x, const Floats& weight, const CodeGrid& grid,
                                          const Codes& codes);

}  // namespace qi8::rounding
