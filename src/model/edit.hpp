// Changes to a graph, as values: what rules ask for, planning resolves and the rewriter alone carries out.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "model/tensor.hpp"

namespace qi8 {

struct OpsetImport {
  std::string domain;  // empty: ai.onnx
  std::int64_t version = 0;
};

// Tensor attributes of a few numbers. No dims: a scalar.
struct FloatTensor {
  std::vector<std::int64_t> dims;
  std::vector<float> values;
};
struct Int64Tensor {
  std::vector<std::int64_t> dims;
  std::vector<std::int64_t> values;
};

using AttributeValue = std::variant<std::int64_t, float, std::vector<std::int64_t>, FloatTensor, Int64Tensor>;

struct NewAttribute {
  std::string name;
  AttributeValue value;
};

// What a new node has of the node that it replaces, besides what it states itself.
struct Inheritance {
  bool attributes = false;           // all of them, and the doc string
  std::vector<std::string> without;  // but not these
};

struct NewNode {
  std::string op_type;
  std::string domain;  // empty: ai.onnx
  std::string name;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::vector<NewAttribute> attributes;
  Inheritance inherits = {};
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

// `node` goes, these nodes stand in its place, in this order; there may be none.
struct Replacement {
  NodeId node = kNone;
  std::vector<NewNode> nodes;
};

// A value that the main graph is to take or to give besides its own. Its shape is not said.
struct NewGraphValue {
  std::string name;
  DataType type = DataType::kUndefined;  // of an output that may stay unsaid
};

struct Rewrite {
  std::vector<Replacement> replacements;
  std::vector<NewTensor> new_tensors;
  // What nothing reads any more, by ValueId: initializers, and the graph inputs of the same name. Constant
  // nodes are in `replacements`.
  std::vector<ValueId> removed_initializers;
  std::vector<NewGraphValue> added_inputs;
  std::vector<NewGraphValue> added_outputs;
  bool drops_outputs = false;              // the main graph gives none of its own outputs any more
  std::vector<OpsetImport> opset_imports;  // to be added
};

}  // namespace qi8
