// An edit: what stands in place of one node, as a value. Rules make edits; the planner gives their symbols
// names and shares among edits what can be shared.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/encoding.hpp"
#include "model/edit.hpp"
#include "model/tensor.hpp"
#include "qi8/form.hpp"
#include "qi8/report.hpp"

namespace qi8 {

// A weight as the second factor of a product of matrices: the node's other factor times [.., K, N].
struct MatrixFactor {
  std::size_t other = 0;               // which input of the node the first factor is, [.., M, K]
  bool other_is_turned = false;        // that input is [.., K, M]
  std::vector<std::int64_t> dims;      // [.., K, N]
  std::vector<std::uint64_t> strides;  // of these, in elements of the tensor as it is stored
};

// A weight that the output is to store in few bits.
struct WeightRequest {
  std::size_t input = 0;  // which input of the node it is
  TensorId tensor = kNone;
  Encoding encoding;
  std::vector<std::int64_t> dims;         // as the operator wants the codes
  std::vector<std::int64_t> stored_dims;  // the same dimensions in the order of storage
  std::vector<std::int64_t> perm;         // dims[d] = stored_dims[perm[d]]; empty: they are the same
  std::vector<std::int64_t> scale_dims;
  std::vector<std::int64_t> zero_point_dims;  // as many elements
  float scale_factor = 1;                     // what each scale is multiplied by: Gemm's alpha
  bool with_sums = false;                     // also the sums of its channels, in the form of the scales
  std::optional<MatrixFactor> factor = {};    // nothing: it is used in another way

  // What is stored of it.
  [[nodiscard]] std::uint64_t bytes() const {
    return encoding.bytes() + (with_sums ? encoding.BytesOf(WeightPart::kSums) : 0);
  }
};

// An input of a new node.
struct NameOperand {
  std::string name;  // a value of the graph as it is; empty: an optional input that is left out
};
struct WeightOperand {
  std::size_t weight = 0;  // index into Edit::weights
  WeightPart part = WeightPart::kCodes;
};
struct ResultOperand {
  std::size_t node = 0;    // index into Edit::nodes, of an earlier one
  std::size_t output = 0;  // of that node
};
using Operand = std::variant<NameOperand, WeightOperand, ResultOperand>;

// How a shared node and its outputs are called: after the value that they are computed from, with these
// behind it.
struct SharedNames {
  Operand value;
  std::string node;                  // "_DynamicQuantizeLinear"
  std::vector<std::string> outputs;  // "_quantized", "_scale", "_zero_point"
};

struct EditNode {
  std::string op_type;
  std::vector<Operand> inputs;
  std::vector<NewAttribute> attributes;
  std::string domain;  // empty: ai.onnx
  Inheritance inherits = {};
  // It stands where the replaced node stood: with all of its outputs and its name. Only the last node of an
  // edit; a last node that does not, gives the first output.
  bool has_all_outputs = false;
  // Edits whose shared nodes are equal (operator, inputs, attributes) and of one graph have them once: what
  // is computed from an activation is computed once for all products that read it. Never the last node of an
  // edit.
  std::optional<SharedNames> shared = {};
};

// The form in which a product is written.
struct FormOutcome {
  Form form;
  std::string obstacle;  // why it is not the form that was asked for; empty: it is
};

// What replaces a node. The last of `nodes` gives the node's output.
struct Edit {
  std::vector<WeightRequest> weights;
  std::vector<EditNode> nodes;  // each has one output, but for shared ones
  std::optional<FormOutcome> form =
      {};  // nothing: it is not a product, or it is of an operator that has one form only
};

// What a rule answers: the edit, or why the node stays as it is.
using Decision = std::variant<Edit, Skip>;

}  // namespace qi8
