// Rules: what stands in place of an operator whose weight is INT8. A rule looks at one node and answers with
// a value; it changes nothing and knows nothing of other nodes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/channel_shape.hpp"
#include "model/model.hpp"
#include "qi8/report.hpp"

namespace qi8 {

enum class WeightLayout {
  kAsStored,
  kTransposed,  // the last two dimensions of the source change places on the way
};

// A weight to be stored as INT8 with its scales.
struct WeightRequest {
  TensorId tensor = kNone;
  ChannelShape shape;  // of the tensor as it is in the input
  WeightLayout layout = WeightLayout::kAsStored;
  std::vector<std::int64_t> dims;        // of the INT8 tensor
  std::vector<std::int64_t> scale_dims;  // of the scale tensor
  float scale_factor = 1;                // what each scale is multiplied by: Gemm's alpha
};

// An input of a new node.
struct NameOperand {
  std::string name;  // a value of the graph as it is
};
struct ActivationOperand {     // an activation, quantized when the model runs
  std::size_t activation = 0;  // index into Edit::activations
  enum class Part { kData, kScale, kZeroPoint } part = Part::kData;
};
struct WeightOperand {
  std::size_t weight = 0;  // index into Edit::weights
  enum class Part { kData, kScale } part = Part::kData;
};
struct ResultOperand {
  std::size_t node = 0;  // index into Edit::nodes, of an earlier one
};
using Operand = std::variant<NameOperand, ActivationOperand, WeightOperand, ResultOperand>;

struct EditNode {
  std::string op_type;
  std::vector<Operand> inputs;
  std::vector<NewAttribute> attributes;
};

// What replaces a node. The last of `nodes` gives the node's output.
struct Edit {
  std::vector<WeightRequest> weights;
  std::vector<Operand>
      activations;  // float32 values; each gets one DynamicQuantizeLinear, shared within its graph
  std::vector<EditNode> nodes;  // each has one output
};

using Decision = std::variant<Edit, Skip>;

struct Rule {
  std::string_view op_type;  // of domain ai.onnx
  std::size_t weight_input;  // which input is the weight
  bool on_by_default;
  Decision (*plan)(const Model& model, const Node& node);
};

[[nodiscard]] std::span<const Rule> AllRules();

// The rule for an operator of ai.onnx, or null.
[[nodiscard]] const Rule* FindRule(std::string_view op_type);

}  // namespace qi8
