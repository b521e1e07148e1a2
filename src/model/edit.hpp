// Changes to a graph, as values: what rules ask for, planning resolves and the rewriter alone carries out.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "model/tensor.hpp"

namespace qi8 {

// A tensor attribute that holds one float32, of rank 0.
struct FloatScalar {
  float value = 0;
};

using AttributeValue = std::variant<std::int64_t, std::vector<std::int64_t>, FloatScalar>;

struct NewAttribute {
  std::string name;
  AttributeValue value;
};

struct NewNode {
  std::string op_type;
  std::string domain;  // empty: ai.onnx
  std::string name;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::vector<NewAttribute> attributes;
};

// An initializer that the quantizer makes. Its number as an output tensor is the number of tensors of the
// input model plus its place in Rewrite::new_tensors.
struct NewTensor {
  GraphId graph = 0;
  std::string name;
  DataType type = DataType::kInt8;
  std::vector<std::int64_t> dims;
  std::uint64_t bytes = 0;
};

// `node` goes, these nodes stand in its place, in this order.
struct Replacement {
  NodeId node = kNone;
  std::vector<NewNode> nodes;
};

struct Rewrite {
  std::vector<Replacement> replacements;
  std::vector<NewTensor> new_tensors;
  std::vector<TensorId> removed_tensors;  // initializers and Constant nodes that nothing reads any more
};

}  // namespace qi8
