#include "rounding/rows.hpp"

#include <algorithm>
#include <set>
#include <span>
#include <utility>

#include "core/text.hpp"
#include "qi8/error.hpp"
#include "runtime/fidelity.hpp"

namespace qi8::rounding {
namespace {

using Eigen::Index;

// The dimensions before the last two.
std::vector<std::int64_t> BatchOf(std::span<const std::int64_t> dims) {
  if (dims.size() < 2) return {};
  return {dims.begin(), dims.end() - 2};
}

std::size_t Product(std::span<const std::int64_t> dims) {
  std::size_t product = 1;
  for (const std::int64_t dim : dims) product *= static_cast<std::size_t>(dim);
  return product;
}

// The number of the matrix, of a batch of `dims`, that has a part in the matrix at `place` of the broadcast
// batch.
std::size_t Broadcast(std::span<const std::int64_t> dims, std::span<const std::int64_t> batch,
                      std::size_t place) {
  std::size_t number = 0;
  std::size_t stride = 1;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const auto size = static_cast<std::size_t>(batch[batch.size() - 1 - i]);
    const std::size_t index = place % size;
    place /= size;
    if (i >= dims.size()) continue;
    const auto own = static_cast<std::size_t>(dims[dims.size() - 1 - i]);
    if (own > 1) number += index * stride;
    stride *= own;
  }
  return number;
}

// The pairs (matrix of x, matrix of the factor) that are multiplied with each other.
std::set<std::pair<std::size_t, std::size_t>> Pairs(std::span<const std::int64_t> x,
                                                    std::span<const std::int64_t> factor) {
  std::vector<std::int64_t> batch(std::max(x.size(), factor.size()), 1);
  for (const auto& dims : {x, factor}) {
    for (std::size_t i = 0; i < dims.size(); ++i) {
      std::int64_t& size = batch[batch.size() - 1 - i];
      if (size == 1) size = dims[dims.size() - 1 - i];
    }
  }
  std::set<std::pair<std::size_t, std::size_t>> pairs;
  for (std::size_t place = 0; place < Product(batch); ++place) {
    pairs.emplace(Broadcast(x, batch, place), Broadcast(factor, batch, place));
  }
  return pairs;
}

}  // namespace

std::size_t MatricesOf(const MatrixFactor& factor) { return Product(BatchOf(factor.dims)); }

void AddRows(const runtime::Tensor& x, const MatrixFactor& factor, std::vector<Floats>& rows) {
  const std::vector<double> numbers = runtime::ToDoubles(x);
  const std::int64_t k = factor.dims[factor.dims.size() - 2];
  std::vector<std::int64_t> dims = x.shape;
  if (dims.size() == 1) dims.insert(dims.begin(), 1);  // a vector is a row
  if (factor.other_is_turned && dims.size() >= 2) std::swap(dims[dims.size() - 1], dims[dims.size() - 2]);
  if (dims.empty() || dims.back() != k) {
    throw Error(ErrorKind::kFailure, "a product's first factor has the shape " + FormatShape(x.shape) +
                                         ", and its second one has " + FormatShape(factor.dims));
  }
  const Index m = dims[dims.size() - 2];
  using Matrices = Eigen::Map<const Doubles, 0, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>>;
  const Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic> stride =
      factor.other_is_turned ? Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>(1, m)
                             : Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>(k, 1);
  const std::vector<std::int64_t> batch = BatchOf(dims);
  const std::vector<std::int64_t> matrices = BatchOf(factor.dims);
  std::vector<std::vector<std::size_t>> sources(rows.size());  // by matrix of the factor
  for (const auto& [from, to] : Pairs(batch, matrices)) sources.at(to).push_back(from);
  for (std::size_t matrix = 0; matrix < rows.size(); ++matrix) {
    Floats& into = rows[matrix];
    Index used = into.rows();
    into.conservativeResize(used + static_cast<Index>(sources[matrix].size()) * m, k);
    for (const std::size_t from : sources[matrix]) {
      const Matrices part(numbers.data() + from * static_cast<std::size_t>(m * k), m, k, stride);
      for (Index row = 0; row < m; ++row) {
        if (part.row(row).allFinite()) into.row(used++) = part.row(row).cast<float>();
      }
    }
    into.conservativeResize(used, k);
  }
}

}  // namespace qi8::rounding
