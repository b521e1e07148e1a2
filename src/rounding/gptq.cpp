#include "rounding/gptq.hpp"

#include <oneapi/tbb/parallel_for.h>

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace qi8::rounding {
namespace {

using Eigen::Index;

// Errors of numbers of a product that are as good as none, as a share of the number, and of a number that is
// 0: what float32 rounds to, and what has a logarithm.
constexpr double kLeastError = 0x1p-24;
constexpr double kLeastErrorOfZero = 1e-300;

// Rows and columns of the parts that work is divided into. They are fixed, so that sums are taken in the same
// order whatever the number of threads.
constexpr Index kPanel = 128;       // of the factor
constexpr Index kChunk = 256;       // of what one thread takes at a time
constexpr Index kColumns = 64;      // of a weight that one thread takes at a time
constexpr Index kRowsAtATime = 64;  // of a weight whose sums over all earlier ones are taken together

template <typename Body>
void ForEachChunk(Index begin, Index end, Index size, const Body& body) {
  const Index count = begin < end ? (end - begin + size - 1) / size : 0;
  oneapi::tbb::parallel_for(Index{0}, count, [&](Index chunk) {
    const Index first = begin + chunk * size;
    body(first, std::min(size, end - first));
  });
}

// Replaces the lower triangle of a symmetric matrix by L, with L L' the matrix. False where it has none.
bool Factor(Doubles& a) {
  const Index n = a.rows();
  for (Index k = 0; k < n; k += kPanel) {
    const Index size = std::min(kPanel, n - k);
    auto diagonal = a.block(k, k, size, size);
    const Eigen::LLT<Doubles> factor(diagonal);
    if (factor.info() != Eigen::Success) return false;
    const Doubles lower = factor.matrixL();
    diagonal = lower;
    ForEachChunk(k + size, n, kChunk, [&](Index row, Index rows) {
      auto below = a.block(row, k, rows, size);
      lower.triangularView<Eigen::Lower>().transpose().solveInPlace<Eigen::OnTheRight>(below);
    });
    ForEachChunk(k + size, n, kChunk, [&](Index row, Index rows) {
      const Index columns = row + rows - (k + size);  // the lower triangle, and a little of the upper
      a.block(row, k + size, rows, columns).noalias() -=
          a.block(row, k, rows, size) * a.block(k + size, k, columns, size).transpose();
    });
  }
  return true;
}

}  // namespace

double CodeGrid::Nearest(std::int64_t k, std::int64_t n, double number) const {
  const double code = std::nearbyint(number / Scale(k, n)) + ZeroPoint(k, n);
  return std::clamp(code, static_cast<double>(range.low), static_cast<double>(range.high));
}

std::optional<FactoredHessian> FactoredHessian::Of(Doubles gram, double damping) {
  const Index size = gram.rows();
  const double mean = size > 0 ? gram.diagonal().mean() : 0;
  if (!(mean > 0) || !std::isfinite(mean)) return std::nullopt;
  std::vector<std::int64_t> order(static_cast<std::size_t>(size));
  std::iota(order.begin(), order.end(), 0);
  // Of equal ones, the first row comes first.
  std::ranges::stable_sort(order, [&](std::int64_t a, std::int64_t b) { return gram(a, a) > gram(b, b); });
  std::ranges::reverse(order);
  Doubles lower(size, size);
  ForEachChunk(0, size, kChunk, [&](Index first, Index rows) {
    for (Index i = first; i < first + rows; ++i) {
      for (Index j = 0; j <= i; ++j) {
        const auto [small, large] =
            std::minmax(order[static_cast<std::size_t>(i)], order[static_cast<std::size_t>(j)]);
        lower(i, j) = gram(large, small);
      }
      lower(i, i) += damping * mean;
    }
  });
  gram.resize(0, 0);
  if (!Factor(lower)) return std::nullopt;
  return FactoredHessian(std::move(order), std::move(lower));
}

Codes FactoredHessian::Round(const Floats& weight, const CodeGrid& grid) const {
  const Index k = weight.rows();
  Codes codes(k, weight.cols());
  ForEachChunk(0, weight.cols(), kColumns, [&](Index first_column, Index columns) {
    Doubles error(k, columns);  // by place in the order
    Doubles sums;
    for (Index end = k; end > 0;) {
      const Index begin = std::max<Index>(0, end - kRowsAtATime);
      sums.noalias() = lower_.block(end, begin, k - end, end - begin).transpose() * error.bottomRows(k - end);
      if (end == k) sums.setZero(end - begin, columns);
      for (Index i = end - 1; i >= begin; --i) {
        auto sum = sums.row(i - begin);
        for (Index j = i + 1; j < end; ++j) sum += lower_(j, i) * error.row(j);
        const Index row = order_[static_cast<std::size_t>(i)];
        for (Index c = 0; c < columns; ++c) {
          const Index n = first_column + c;
          const auto number = static_cast<double>(weight(row, n));
          const double code = grid.Nearest(row, n, number + sum(c) / lower_(i, i));
          codes(row, n) = static_cast<std::int8_t>(code);
          error(i, c) = number - grid.Value(row, n, code);
        }
      }
      end = begin;
    }
  });
  return codes;
}

void AddGram(const Floats& x, Doubles& gram) {
  const Index chunks = (x.cols() + kChunk - 1) / kChunk;
  // The pairs of chunks of columns on and below the diagonal.
  ForEachChunk(0, chunks * (chunks + 1) / 2, 1, [&](Index pair, Index) {
    auto row_chunk = static_cast<Index>((std::sqrt(8 * static_cast<double>(pair) + 1) - 1) / 2);
    const Index column_chunk = pair - row_chunk * (row_chunk + 1) / 2;
    const Index row = row_chunk * kChunk;
    const Index column = column_chunk * kChunk;
    const Index rows = std::min(kChunk, x.cols() - row);
    const Index columns = std::min(kChunk, x.cols() - column);
    Doubles part = Doubles::Zero(rows, columns);
    for (Index first = 0; first < x.rows(); first += kChunk) {
      const Index count = std::min(kChunk, x.rows() - first);
      const Doubles left = x.block(first, row, count, rows).cast<double>();
      const Doubles right = x.block(first, column, count, columns).cast<double>();
      part.noalias() += left.transpose() * right;
    }
    gram.block(row, column, rows, columns) += part;
  });
}

Codes RoundToNearest(const Floats& weight, const CodeGrid& grid) {
  Codes codes(weight.rows(), weight.cols());
  for (Index k = 0; k < weight.rows(); ++k) {
    for (Index n = 0; n < weight.cols(); ++n) {
      codes(k, n) = static_cast<std::int8_t>(grid.Nearest(k, n, static_cast<double>(weight(k, n))));
    }
  }
  return codes;
}

double PowerOfProduct(const Doubles& gram, const Floats& weight) {
  std::vector<double> powers(static_cast<std::size_t>((weight.cols() + kColumns - 1) / kColumns));
  ForEachChunk(0, weight.cols(), kColumns, [&](Index first, Index columns) {
    const Doubles part = weight.middleCols(first, columns).cast<double>();
    powers[static_cast<std::size_t>(first / kColumns)] =
        (gram.selfadjointView<Eigen::Lower>() * part).cwiseProduct(part).sum();
  });
  return std::accumulate(powers.begin(), powers.end(), 0.0);
}

ProductError ErrorOfNumbers(const Floats& weight, const CodeGrid& grid, const Codes& codes) {
  ProductError error;
  for (Index k = 0; k < weight.rows(); ++k) {
    for (Index n = 0; n < weight.cols(); ++n) {
      const auto number = static_cast<double>(weight(k, n));
      const double difference = number - grid.Value(k, n, static_cast<double>(codes(k, n)));
      error.noise += difference * difference;
      error.signal += number * number;
    }
  }
  return error;
}

ProductError& ProductError::operator+=(const ProductError& other) {
  noise += other.noise;
  signal += other.signal;
  logarithms += other.logarithms;
  return *this;
}

ProductError ErrorOfProduct(const Floats& x, const Floats& weight, const CodeGrid& grid, const Codes& codes) {
  std::vector<ProductError> errors(static_cast<std::size_t>((weight.cols() + kColumns - 1) / kColumns));
  ForEachChunk(0, weight.cols(), kColumns, [&](Index first_column, Index columns) {
    const Doubles exact = weight.middleCols(first_column, columns).cast<double>();
    Doubles error = exact;
    for (Index k = 0; k < weight.rows(); ++k) {
      for (Index c = 0; c < columns; ++c) {
        error(k, c) -= grid.Value(k, first_column + c, static_cast<double>(codes(k, first_column + c)));
      }
    }
    ProductError& sum = errors[static_cast<std::size_t>(first_column / kColumns)];
    for (Index first = 0; first < x.rows(); first += kChunk) {
      const Doubles rows = x.middleRows(first, std::min(kChunk, x.rows() - first)).cast<double>();
      const Doubles errors_of_rows = rows * error;
      const Doubles product = rows * exact;
      sum.noise += errors_of_rows.squaredNorm();
      sum.signal += product.squaredNorm();
      sum.logarithms += errors_of_rows.array()
                            .abs()
                            .max(kLeastError * product.array().abs())
                            .max(kLeastErrorOfZero)
                            .log()
                            .sum();
    }
  });
  ProductError total;
  for (const ProductError& error : errors) {
    total += error;
  }
  return total;
}

}  // namespace qi8::rounding
