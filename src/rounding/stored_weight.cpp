#include "rounding/stored_weight.hpp"

#include <algorithm>
#include <utility>

#include "exec/tensor_reader.hpp"

namespace qi8::rounding {
namespace {

using Eigen::Index;

unsigned MostSteps(const Codes& a, const Codes& b) {
  return a.size() == 0 ? 0 : static_cast<unsigned>((a.cast<int>() - b.cast<int>()).cwiseAbs().maxCoeff());
}

}  // namespace

double Judgement::Noise(const RoundedWeight& rounded) const {
  if (!of_numbers_) return rounded.product.share() + rounded.itself.share();
  const ProductError& product = rounded.product;
  return product.signal > 0 ? (product.noise + *of_numbers_ * rounded.itself.noise) / product.signal : 0;
}

std::string Judgement::Shortcoming(const RoundedWeight& learned) const {
  if (!(Noise(learned) < Noise(nearest_))) {
    return "on the inputs that judge, its product is no nearer to that of FP32";
  }
  if (!(learned.product.logarithms < nearest_.product.logarithms)) {
    return "on the inputs that judge, only the loud numbers of its product are nearer to FP32's";
  }
  return {};
}

std::optional<Codes> RoundedToNearest(std::size_t, const Floats& numbers, const CodeGrid& grid) {
  return RoundToNearest(numbers, grid);
}

// Where one matrix [K, N] of a weight stands, in the order of storage.
class StoredWeight::Places {
 public:
  Places(const MatrixFactor& factor, std::size_t matrix) {
    const std::size_t rank = factor.dims.size();
    rows_ = factor.dims[rank - 2];
    columns_ = factor.dims[rank - 1];
    row_stride_ = factor.strides[rank - 2];
    column_stride_ = factor.strides[rank - 1];
    for (std::size_t d = rank - 2; d-- > 0;) {
      const auto size = static_cast<std::size_t>(factor.dims[d]);
      first_ += matrix % size * factor.strides[d];
      matrix /= size;
    }
  }

  [[nodiscard]] Index rows() const { return rows_; }
  [[nodiscard]] Index columns() const { return columns_; }
  [[nodiscard]] std::uint64_t Of(Index k, Index n) const {
    return first_ + static_cast<std::uint64_t>(k) * row_stride_ +
           static_cast<std::uint64_t>(n) * column_stride_;
  }

 private:
  Index rows_ = 0, columns_ = 0;
  std::uint64_t row_stride_ = 0, column_stride_ = 0, first_ = 0;
};

StoredWeight StoredWeight::Read(const Model& model, const Learnable& weight) {
  TensorReader reader(model, weight.tensor);
  const auto read = reader.Read(0, weight.encoding.shape.elements());
  std::vector<float> numbers(read.begin(), read.end());
  ChannelParameters parameters =
      ParametersOf(weight.encoding.scheme,
                   FindExtremes(weight.encoding.scheme, weight.encoding.shape, 0, TileValues(numbers)));
  return {weight, std::move(numbers), std::move(parameters)};
}

Floats StoredWeight::NumbersOf(const Places& places) const {
  Floats numbers(places.rows(), places.columns());
  for (Index k = 0; k < places.rows(); ++k) {
    for (Index n = 0; n < places.columns(); ++n) numbers(k, n) = numbers_[places.Of(k, n)];
  }
  return numbers;
}

CodeGrid StoredWeight::GridOf(const Places& places) const {
  const Encoding& encoding = weight_.encoding;
  const Index block = encoding.block > 0 ? static_cast<Index>(encoding.block) : places.rows();
  CodeGrid grid{.block = block,
                .scales = Floats(places.rows() / block, places.columns()),
                .zero_points = {},
                .range = kernels::CodesOf(encoding.scheme)};
  const bool has_zero_points = !parameters_.zero_points.empty();
  if (has_zero_points) grid.zero_points.resizeLike(grid.scales);
  for (Index b = 0; b < grid.scales.rows(); ++b) {
    for (Index n = 0; n < places.columns(); ++n) {
      const std::uint64_t element = places.Of(b * block, n);
      const std::uint64_t channel = element / encoding.shape.group_elements() * encoding.shape.channels +
                                    element % encoding.shape.channels;
      grid.scales(b, n) = parameters_.scales[channel];
      if (has_zero_points) grid.zero_points(b, n) = parameters_.zero_points[channel];
    }
  }
  return grid;
}

std::optional<RoundedWeight> StoredWeight::Round(const RowsOfMatrices& judges, const Rounder& rounder) const {
  RoundedWeight rounded;
  rounded.codes.resize(numbers_.size());
  for (std::size_t matrix = 0; matrix < judges.size(); ++matrix) {
    const Places places(weight_.uses.front().factor, matrix);
    const Floats numbers = NumbersOf(places);
    const CodeGrid grid = GridOf(places);
    const std::optional<Codes> codes = rounder(matrix, numbers, grid);
    if (!codes) return std::nullopt;
    rounded.most_steps = std::max(rounded.most_steps, MostSteps(*codes, RoundToNearest(numbers, grid)));
    rounded.product += ErrorOfProduct(judges[matrix], numbers, grid, *codes);
    if (!weight_.readers.empty()) rounded.itself += ErrorOfNumbers(numbers, grid, *codes);
    for (Index k = 0; k < codes->rows(); ++k) {
      for (Index n = 0; n < codes->cols(); ++n) rounded.codes[places.Of(k, n)] = (*codes)(k, n);
    }
  }
  return rounded;
}

}  // namespace qi8::rounding
