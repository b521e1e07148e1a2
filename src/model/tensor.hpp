// What is known of a tensor without reading a byte of it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/byte_range.hpp"
#include "core/data_type.hpp"

namespace qi8 {

// Indices into Model's tables.
using FileId = std::uint32_t;
using TensorId = std::uint32_t;
using GraphId = std::uint32_t;
using NodeId = std::uint32_t;
using ValueId = std::uint32_t;
inline constexpr std::uint32_t kNone = UINT32_MAX;

// Where the bytes of a tensor lie: raw little-endian elements in row-major order.
struct TensorSource {
  FileId file = 0;
  ByteRange range;

  friend auto operator<=>(const TensorSource&, const TensorSource&) = default;
};

struct Tensor {
  std::string name;  // of the initializer or of the Constant node's output; empty elsewhere
  DataType type = DataType::kFloat;
  std::vector<std::int64_t> dims;
  std::uint64_t elements = 0;
  TensorSource source;
  // An initializer, or the value of a Constant node: where runtimes look for external data. Elsewhere (other
  // attributes, functions, sparse tensors) many do not, so there the bytes stay in the model.
  bool may_be_external = false;
  std::string function = {};  // of the model's own, in which it stands; empty elsewhere
  // A matrix that has the same numbers transposed, if one is known (Model::SetTwins); else kNone.
  TensorId turned_of = kNone;
};

// Matrices that are another one transposed: its number.
using Twins = std::map<TensorId, TensorId>;

}  // namespace qi8
