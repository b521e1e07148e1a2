#include "prepare/twins.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <tuple>
#include <vector>

#include "qi8/error.hpp"

namespace qi8 {
namespace {

// Smaller ones are not worth a look.
constexpr std::uint64_t kLeastElements = 4096;
constexpr std::uint64_t kSamples = 16;
// Squares of so many rows and columns are compared at a time.
constexpr std::uint64_t kSide = 512;

// A square part of a matrix, and its place.
struct Square {
  std::uint64_t row = 0, column = 0;
  std::uint64_t rows = 0, columns = 0;
};

class MatrixReader {
 public:
  MatrixReader(const Model& model, TensorId id)
      : tensor_(model.tensors()[id]),
        file_(*model.files()[tensor_.source.file].file),
        element_bytes_(ElementBytes(tensor_.type)) {}

  [[nodiscard]] std::uint64_t rows() const { return static_cast<std::uint64_t>(tensor_.dims[0]); }
  [[nodiscard]] std::uint64_t columns() const { return static_cast<std::uint64_t>(tensor_.dims[1]); }
  [[nodiscard]] std::uint64_t element_bytes() const { return element_bytes_; }

  void ReadRun(std::uint64_t row, std::uint64_t column, std::span<std::byte> into) const {
    file_.ReadAt(tensor_.source.range.offset + (row * columns() + column) * element_bytes_, into);
  }

  // Row by row.
  [[nodiscard]] std::vector<std::byte> Read(const Square& square) const {
    const std::uint64_t run = square.columns * element_bytes_;
    std::vector<std::byte> bytes(square.rows * run);
    for (std::uint64_t r = 0; r < square.rows; ++r) {
      ReadRun(square.row + r, square.column, std::span(bytes).subspan(r * run, run));
    }
    return bytes;
  }

 private:
  const Tensor& tensor_;
  const ReadableFile& file_;
  std::uint64_t element_bytes_;
};

// By TensorId: the graph whose value it is; kNone where it is none.
std::vector<GraphId> GraphsOfTensors(const Model& model) {
  std::vector<GraphId> graphs(model.tensors().size(), kNone);
  for (const Value& value : model.values()) {
    if (value.tensor != kNone) graphs[value.tensor] = value.graph;
  }
  return graphs;
}

bool IsCandidate(const Tensor& tensor) {
  return IsFloatingPoint(tensor.type) && tensor.dims.size() == 2 && tensor.elements >= kLeastElements &&
         tensor.dims[0] > 1 && tensor.dims[1] > 1 && tensor.may_be_external;
}

// Numbers of a matrix, or of what it would be transposed, at places that follow from its dimensions alone.
std::string SamplesOf(const MatrixReader& matrix, bool transposed) {
  const std::uint64_t rows = transposed ? matrix.columns() : matrix.rows();
  const std::uint64_t columns = transposed ? matrix.rows() : matrix.columns();
  std::string samples;
  std::uint64_t place = 1;
  for (std::uint64_t i = 0; i < kSamples; ++i) {
    // A walk that is good enough not to stay in one row or column.
    place = place * 6364136223846793005ULL + 1442695040888963407ULL;
    const std::uint64_t row = (place >> 33U) % rows;
    const std::uint64_t column = (place >> 13U) % columns;
    std::vector<std::byte> element(matrix.element_bytes());
    matrix.ReadRun(transposed ? column : row, transposed ? row : column, element);
    samples.append(reinterpret_cast<const char*>(element.data()), element.size());
  }
  return samples;
}

bool AreTransposed(std::span<const std::byte> square, std::span<const std::byte> other, std::uint64_t rows,
                   std::uint64_t columns, std::uint64_t element_bytes) {
  for (std::uint64_t r = 0; r < rows; ++r) {
    for (std::uint64_t c = 0; c < columns; ++c) {
      const std::byte* const a = square.data() + (r * columns + c) * element_bytes;
      const std::byte* const b = other.data() + (c * rows + r) * element_bytes;
      if (std::memcmp(a, b, element_bytes) != 0) return false;
    }
  }
  return true;
}

// Whether `b` is `a` transposed, every bit of it.
bool IsTransposed(const MatrixReader& a, const MatrixReader& b, const std::function<bool()>& should_stop) {
  for (std::uint64_t row = 0; row < a.rows(); row += kSide) {
    if (should_stop && should_stop()) throw Error(ErrorKind::kInterrupted, "interrupted");
    for (std::uint64_t column = 0; column < a.columns(); column += kSide) {
      const Square square{row, column, std::min(kSide, a.rows() - row),
                          std::min(kSide, a.columns() - column)};
      const Square turned{square.column, square.row, square.columns, square.rows};
      if (!AreTransposed(a.Read(square), b.Read(turned), square.rows, square.columns, a.element_bytes())) {
        return false;
      }
    }
  }
  return true;
}

// How many candidates have these dimensions.
using Census = std::map<std::tuple<DataType, std::int64_t, std::int64_t>, std::size_t>;

Census CountCandidates(const Model& model) {
  Census census;
  for (const Tensor& tensor : model.tensors()) {
    if (IsCandidate(tensor)) ++census[{tensor.type, tensor.dims[0], tensor.dims[1]}];
  }
  return census;
}

// Whether another candidate has the dimensions of this one transposed; of one without, no number is read.
bool HasPartner(const Census& census, const Tensor& tensor) {
  const auto found = census.find({tensor.type, tensor.dims[1], tensor.dims[0]});
  const bool is_square = tensor.dims[0] == tensor.dims[1];
  return found != census.end() && found->second > (is_square ? 1U : 0U);
}

}  // namespace

Twins FindTwins(const Model& model, const std::function<bool()>& should_stop) {
  const Census census = CountCandidates(model);
  const std::vector<GraphId> graphs = GraphsOfTensors(model);
  // By graph, type, dimensions and samples: the first tensor that has them.
  std::map<std::tuple<GraphId, DataType, std::int64_t, std::int64_t, std::string>, TensorId> firsts;
  Twins twins;
  for (TensorId id = 0; id < model.tensors().size(); ++id) {
    const Tensor& tensor = model.tensors()[id];
    if (graphs[id] == kNone || !IsCandidate(tensor) || !HasPartner(census, tensor)) continue;
    const MatrixReader matrix(model, id);
    // What this one would be, transposed, is the first of its kind.
    const auto found =
        firsts.find({graphs[id], tensor.type, tensor.dims[1], tensor.dims[0], SamplesOf(matrix, true)});
    if (found != firsts.end() && IsTransposed(MatrixReader(model, found->second), matrix, should_stop)) {
      twins.emplace(id, found->second);
      continue;
    }
    firsts.try_emplace({graphs[id], tensor.type, tensor.dims[0], tensor.dims[1], SamplesOf(matrix, false)},
                       id);
  }
  return twins;
}

}  // namespace qi8
