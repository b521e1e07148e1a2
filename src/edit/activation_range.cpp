#include "edit/activation_range.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "core/domains.hpp"

namespace qi8 {
namespace {

using Names = std::string_view;

// Operators that give numbers of both signs about zero, whatever they are given.
constexpr auto kCentering = std::to_array<Names>(
    {"LayerNormalization", "SkipLayerNormalization", "SimplifiedLayerNormalization", "InstanceNormalization",
     "SkipSimplifiedLayerNormalization", "EmbedLayerNormalization", "GroupNormalization", "RMSNormalization",
     "BatchNormalization", "LpNormalization", "MeanVarianceNormalization", "Tanh", "Sin", "Cos", "Erf"});
// Operators whose output has the range of their first input.
constexpr auto kPassing =
    std::to_array<Names>({"Identity", "Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Expand",
                          "Slice", "Split", "Cast", "Dropout", "Pad", "Tile", "Gather", "Div"});
// Products with weights: about zero where their input is known at all.
constexpr auto kProducts = std::to_array<Names>(
    {"MatMul", "Gemm", "Conv", "FusedMatMul", "Attention", "MultiHeadAttention", "LSTM", "GRU", "RNN"});
constexpr auto kNonNegative = std::to_array<Names>({"Relu", "Softmax", "Sigmoid", "HardSigmoid"});
constexpr auto kLowerTail =
    std::to_array<Names>({"Gelu", "FastGelu", "BiasGelu", "QuickGelu", "Mish", "Elu", "Swish", "HardSwish"});

template <typename List>
bool Has(const List& list, Names name) {
  return std::ranges::find(list, name) != list.end();
}

class Inference {
 public:
  explicit Inference(const Model& model)
      : model_(model), ranges_(model.values().size(), ActivationRange::kUnknown) {}

  // Nodes stand behind those that they read from.
  std::vector<ActivationRange> Run() {
    std::vector<ValueId> made;
    for (ValueId id = 0; id < ranges_.size(); ++id) {
      if (ProducerOf(id) != nullptr) made.push_back(id);
    }
    std::ranges::stable_sort(made, {}, [this](ValueId id) { return model_.values()[id].producer; });
    for (const ValueId id : made) ranges_[id] = OfOutput(*ProducerOf(id));
    return std::move(ranges_);
  }

 private:
  ActivationRange OfOutput(const Node& node) const {
    const Names op = node.op_type;
    if (Has(kCentering, op)) return ActivationRange::kCentered;
    if (Has(kNonNegative, op)) return ActivationRange::kNonNegative;
    if (Has(kLowerTail, op)) return ActivationRange::kLowerTail;
    if (Has(kPassing, op)) return OfInput(node, 0);
    if (Has(kProducts, op)) return OfProduct(node);
    if (op == "Add" || op == "Sum") return OfSum(node);
    if (op == "Mul") return OfMul(node);
    if (op == "Sub") return OfDifference(node);
    if (op == "Concat") return OfConcat(node);
    return ActivationRange::kUnknown;
  }

  const Node* ProducerOf(ValueId id) const {
    if (id == kNone || model_.values()[id].producer == kNone) return nullptr;
    const Node& node = model_.nodes()[model_.values()[id].producer];
    const bool is_known_domain = node.domain.empty() || node.domain == kMicrosoftDomain;
    return is_known_domain && !node.calls_function ? &node : nullptr;
  }

  bool IsConstant(ValueId id) const {
    if (id == kNone) return false;
    const Value& value = model_.values()[id];
    return value.is_initializer || value.tensor != kNone || model_.Constant(id).has_value();
  }

  ActivationRange OfInput(const Node& node, std::size_t input) const {
    if (input >= node.input_values.size()) return ActivationRange::kUnknown;
    // Rows of a constant table are an embedding.
    if (node.op_type == "Gather" && input == 0 && IsConstant(node.input_values[0])) {
      return ActivationRange::kCentered;
    }
    return node.input_values[input] == kNone ? ActivationRange::kUnknown : ranges_[node.input_values[input]];
  }

  ActivationRange OfProduct(const Node& node) const {
    const bool of_two = node.input_values.size() > 1 && !IsConstant(node.input_values[1]);
    const bool is_matmul = node.op_type == "MatMul" || node.op_type == "FusedMatMul";
    // Of two activations the left factor is mostly the probabilities of an attention: each row of the product
    // is then a mean of rows of the right factor, and has its range.
    const ActivationRange of_factor = OfInput(node, of_two && is_matmul ? 1 : 0);
    return of_factor == ActivationRange::kUnknown ? of_factor : ActivationRange::kCentered;
  }

  // A sum is about zero where one addend is: a bias or a residual beside it does not push whole rows away.
  ActivationRange OfSum(const Node& node) const {
    for (std::size_t i = 0; i < node.input_values.size(); ++i) {
      if (OfInput(node, i) == ActivationRange::kCentered) return ActivationRange::kCentered;
    }
    return ActivationRange::kUnknown;
  }

  // x - mean(x), the beginning of a norm that is written in single operators.
  ActivationRange OfDifference(const Node& node) const {
    const Node* mean = node.input_values.size() == 2 ? ProducerOf(node.input_values[1]) : nullptr;
    const bool is_mean = mean != nullptr && mean->op_type == "ReduceMean" && !mean->input_values.empty() &&
                         mean->input_values[0] == node.input_values[0];
    return is_mean ? ActivationRange::kCentered : ActivationRange::kUnknown;
  }

  ActivationRange OfConcat(const Node& node) const {
    for (std::size_t i = 1; i < node.input_values.size(); ++i) {
      if (OfInput(node, i) != OfInput(node, 0)) return ActivationRange::kUnknown;
    }
    return OfInput(node, 0);
  }

  // x * gate(x) is GELU or SiLU; a product with a constant is as its other factor.
  ActivationRange OfMul(const Node& node) const {
    if (node.input_values.size() != 2) return ActivationRange::kUnknown;
    const ValueId a = node.input_values[0];
    const ValueId b = node.input_values[1];
    if (a == b) return ActivationRange::kUnknown;  // a square
    if (IsConstant(a)) return OfInput(node, 1);
    if (IsConstant(b)) return OfInput(node, 0);
    if (IsGate(a, kMostGateSteps) || IsGate(b, kMostGateSteps)) return ActivationRange::kLowerTail;
    // A gated product, SiLU(x) * y: about zero where one factor is, and the other is not far from it.
    const ActivationRange first = OfInput(node, 0);
    const ActivationRange second = OfInput(node, 1);
    const bool one_is_centered = first == ActivationRange::kCentered || second == ActivationRange::kCentered;
    const bool both_are_known = first != ActivationRange::kUnknown && second != ActivationRange::kUnknown;
    return one_is_centered && both_are_known ? ActivationRange::kCentered : ActivationRange::kUnknown;
  }

  static constexpr int kMostGateSteps = 4;

  // Sigmoid(..), or what exporters write for the normal distribution: (Erf(..) + 1) * 0.5, (Tanh(..) + 1) *
  // 0.5
  bool IsGate(ValueId id, int steps) const {
    const Node* node = ProducerOf(id);
    if (node == nullptr || steps == 0) return false;
    if (node->op_type == "Sigmoid" || node->op_type == "HardSigmoid") return true;
    if (node->input_values.size() != 2) return false;
    const std::size_t other = IsConstant(node->input_values[0]) ? 1 : 0;
    if (!IsConstant(node->input_values[1 - other])) return false;
    const Node* inner = ProducerOf(node->input_values[other]);
    if (node->op_type == "Add") {
      return inner != nullptr && (inner->op_type == "Erf" || inner->op_type == "Tanh");
    }
    return (node->op_type == "Mul" || node->op_type == "Div") && IsGate(node->input_values[other], steps - 1);
  }

  const Model& model_;
  std::vector<ActivationRange> ranges_;
};

}  // namespace

std::vector<ActivationRange> InferRanges(const Model& model) { return Inference(model).Run(); }

}  // namespace qi8
