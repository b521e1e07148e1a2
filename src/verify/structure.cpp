#include "verify/structure.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <span>

#include "core/checked.hpp"
#include "core/domains.hpp"
#include "core/text.hpp"
#include "verify/check.hpp"

namespace qi8 {
namespace {

std::string NodeLabel(const Node& node) {
  if (!node.name.empty()) return "node " + Quote(node.name);
  const std::string_view output = node.outputs.empty() ? std::string_view() : node.outputs[0];
  return std::string(node.op_type.empty() ? "node" : node.op_type) + " that gives " + Quote(output);
}

// ---- INT8 weights

using Dims = std::vector<std::int64_t>;

// An 8-bit constant as its operator sees it, with the constants that give its codes a meaning.
struct Int8Weight {
  ValueId codes = kNone;
  DataType type = DataType::kInt8;
  Dims dims;
  ValueId scale = kNone;       // kNone: not found, so not the quantizer's
  ValueId zero_point = kNone;  // kNone: there is none, or it is not constant
};

// How the scales of an operator lie along its weight.
enum class ScaleShape {
  kBroadcast,  // against the weight
  kByColumn,   // against the weight, with one for all rows of a matrix
  kOne,        // one
  kFirst,      // one, or one for each index of the first dimension
  kLast,       // one, or one for each index of the last dimension
  kBlocks,     // one for each index of all dimensions but the last
  kDirection,  // one for each index of the first dimension, or of the first and the last
};

// Operators whose scales and zero points are inputs.
struct Fused {
  std::string_view op_type;
  std::size_t weight, scale, zero_point;
  ScaleShape shape;
};
constexpr auto kFused = std::to_array<Fused>({
    {"DynamicQuantizeMatMul", 1, 2, 3, ScaleShape::kLast},
    {"MatMulIntegerToFloat", 1, 3, 5, ScaleShape::kLast},
    {"MatMulNBits", 1, 2, 3, ScaleShape::kBlocks},
    {"QAttention", 1, 4, 7, ScaleShape::kLast},
    {"DynamicQuantizeLSTM", 1, 8, 9, ScaleShape::kDirection},
    {"DynamicQuantizeLSTM", 2, 10, 11, ScaleShape::kDirection},
    {"QEmbedLayerNormalization", 2, 8, 13, ScaleShape::kOne},
    {"QEmbedLayerNormalization", 3, 9, 14, ScaleShape::kOne},
    {"QEmbedLayerNormalization", 4, 10, 15, ScaleShape::kOne},
    {"QEmbedLayerNormalization", 5, 11, 16, ScaleShape::kOne},
    {"QEmbedLayerNormalization", 6, 12, 17, ScaleShape::kOne},
});

// Operators whose result becomes real by a Mul that follows.
struct Unfused {
  std::string_view op_type;
  std::size_t weight;
  std::optional<std::size_t> zero_point;
  ScaleShape shape;
};
constexpr auto kUnfused = std::to_array<Unfused>({
    {"MatMulInteger", 1, 3, ScaleShape::kByColumn},
    {"ConvInteger", 1, 3, ScaleShape::kFirst},
    {"Gather", 0, std::nullopt, ScaleShape::kBroadcast},
    {"Cast", 0, std::nullopt, ScaleShape::kBroadcast},
});

class WeightChecker {
 public:
  explicit WeightChecker(const Model& model)
      : model_(model),
        first_outputs_(model.nodes().size(), kNone),
        readers_(model.values().size(), {kNone, 0}) {
    for (ValueId id = 0; id < model.values().size(); ++id) {
      const Value& value = model.values()[id];
      if (value.producer != kNone && value.name == model.nodes()[value.producer].outputs[0]) {
        first_outputs_[value.producer] = id;
      }
    }
    for (NodeId id = 0; id < model.nodes().size(); ++id) {
      for (const ValueId input : model.nodes()[id].input_values) {
        if (input == kNone) continue;
        readers_[input] = {id, readers_[input].count + 1};
      }
    }
  }

  Check Run() {
    CheckConstants();
    for (NodeId id = 0; id < model_.nodes().size(); ++id) CheckNode(id);
    check_.detail = FormatCount(weights_.size(), "INT8 weight") + ", " +
                    FormatCount(scales_.size(), "tensor") + " of scales";
    return std::move(check_);
  }

 private:
  struct Readers {
    NodeId last = kNone;
    std::size_t count = 0;
  };

  void CheckConstants() {
    for (ValueId id = 0; id < model_.values().size(); ++id) {
      const auto constant = model_.Constant(id);
      if (constant && !constant->is_whole) {
        Problem(id, "its shape " + FormatShape(constant->dims) + " of " + DataTypeName(constant->type) +
                        " does not have as many elements as the tensor holds");
      }
    }
  }

  void CheckNode(NodeId id) {
    const Node& node = model_.nodes()[id];
    for (const Fused& form : kFused) {
      if (node.op_type != form.op_type || node.domain != kMicrosoftDomain) continue;
      CheckWeight(node, Find(Input(node, form.weight), Input(node, form.scale), Input(node, form.zero_point)),
                  form.shape);
    }
    for (const Unfused& form : kUnfused) {
      if (node.op_type != form.op_type || !node.domain.empty()) continue;
      const ValueId zero_point = form.zero_point ? Input(node, *form.zero_point) : kNone;
      CheckWeight(node, Find(Input(node, form.weight), ScaleBehind(id), zero_point), form.shape);
    }
  }

  static ValueId Input(const Node& node, std::size_t i) {
    return i < node.input_values.size() ? node.input_values[i] : kNone;
  }

  // Nothing where the codes are not an 8-bit constant.
  std::optional<Int8Weight> Find(ValueId codes, ValueId scale, ValueId zero_point) const {
    if (codes == kNone) return std::nullopt;
    Dims perm;
    if (const NodeId producer = model_.values()[codes].producer; producer != kNone) {
      const Node& node = model_.nodes()[producer];
      if (node.op_type == "Transpose" && node.domain.empty() && Input(node, 0) != kNone) {
        perm = model_.IntsAttribute(node, "perm");
        codes = Input(node, 0);
      }
    }
    const auto constant = model_.Constant(codes);
    if (!constant || (constant->type != DataType::kInt8 && constant->type != DataType::kUint8)) {
      return std::nullopt;
    }
    Dims dims = constant->dims;
    for (std::size_t d = 0; d < perm.size(); ++d) {
      const auto from = static_cast<std::uint64_t>(perm[d]);
      if (perm.size() != dims.size() || from >= dims.size()) return std::nullopt;
      dims[d] = constant->dims[from];
    }
    return Int8Weight{
        .codes = codes, .type = constant->type, .dims = dims, .scale = scale, .zero_point = zero_point};
  }

  // The constant scale by which the node's result is multiplied: directly, gathered, or first multiplied by
  // that of an activation.
  ValueId ScaleBehind(NodeId id) const {
    constexpr int kMostSteps = 4;  // Cast, Sub, and some to spare
    for (int step = 0; step < kMostSteps; ++step) {
      const ValueId result = first_outputs_[id];
      if (result == kNone || readers_[result].count != 1) return kNone;
      id = readers_[result].last;
      const Node& reader = model_.nodes()[id];
      if (!reader.domain.empty()) return kNone;
      if (reader.op_type == "Mul" && reader.input_values.size() == 2) {
        return ConstantScale(reader.input_values[reader.input_values[0] == result ? 1 : 0]);
      }
      const bool goes_on =
          reader.op_type == "Cast" || (reader.op_type == "Sub" && Input(reader, 0) == result);
      if (!goes_on) return kNone;
    }
    return kNone;
  }

  ValueId ConstantScale(ValueId value) const {
    constexpr int kMostSteps = 3;  // Mul, Reshape, and the scale itself
    for (int step = 0; step < kMostSteps && value != kNone && !IsScale(value); ++step) {
      const NodeId producer = model_.values()[value].producer;
      if (producer == kNone) return kNone;
      const Node& node = model_.nodes()[producer];
      if (!node.domain.empty()) return kNone;
      if (node.op_type == "Gather" || node.op_type == "Reshape") {
        value = Input(node, 0);
      } else if (node.op_type == "Mul") {
        const bool second = IsActivationScale(Input(node, 0)) || IsScale(Input(node, 1));
        value = Input(node, second ? 1 : 0);
      } else {
        return kNone;
      }
    }
    return value != kNone && IsScale(value) ? value : kNone;
  }

  bool IsActivationScale(ValueId value) const {
    if (value == kNone) return false;
    const NodeId producer = model_.values()[value].producer;
    return producer != kNone && model_.nodes()[producer].op_type == "DynamicQuantizeLinear";
  }

  bool IsScale(ValueId value) const {
    if (value == kNone) return false;
    const TensorId tensor = model_.values()[value].tensor;
    return tensor != kNone && model_.tensors()[tensor].type == DataType::kFloat;
  }

  void CheckWeight(const Node& node, const std::optional<Int8Weight>& weight, ScaleShape shape) {
    if (!weight || !IsScale(weight->scale)) return;
    const Tensor& scale = model_.tensors()[model_.values()[weight->scale].tensor];
    weights_.insert(weight->codes);
    if (!Fits(scale.dims, weight->dims, shape)) {
      Problem(weight->scale, "scales of shape " + FormatShape(scale.dims) + " do not fit weight " +
                                 Quote(model_.values()[weight->codes].name) + " of shape " +
                                 FormatShape(weight->dims) + " in " + NodeLabel(node));
    }
    if (scales_.insert(weight->scale).second) CheckScale(weight->scale, scale);
    if (weight->zero_point != kNone) CheckZeroPoint(*weight, scale, node);
  }

  static bool Fits(const Dims& scale, const Dims& weight, ScaleShape shape) {
    const std::uint64_t count = ElementCount(scale).value_or(0);
    const auto is_dim = [&](std::size_t d) {
      return d < weight.size() && count == static_cast<std::uint64_t>(weight[d]);
    };
    const std::size_t last = weight.size() - 1;  // of none: no dimension at all
    switch (shape) {
      case ScaleShape::kOne:
        return count == 1;
      case ScaleShape::kFirst:
        return count == 1 || is_dim(0);
      case ScaleShape::kLast:
        return count == 1 || is_dim(last);
      case ScaleShape::kBlocks:
        return weight.size() > 1 && scale == Dims(weight.begin(), weight.end() - 1);
      case ScaleShape::kDirection:
        return is_dim(0) || (weight.size() == 3 && scale == Dims{weight[0], weight[2]});
      default:
        return Broadcasts(scale, weight, shape == ScaleShape::kByColumn) ||
               (shape == ScaleShape::kByColumn && IsForVector(scale, weight));
    }
  }

  // Scales [D.., N] of matrices [D.., K, N], for the product of a vector.
  static bool IsForVector(const Dims& scale, Dims weight) {
    if (weight.size() < 2) return false;
    weight.erase(weight.end() - 2);
    return scale == weight;
  }

  static bool Broadcasts(const Dims& scale, const Dims& weight, bool by_column) {
    if (scale.size() > weight.size()) return false;
    for (std::size_t from_end = 1; from_end <= scale.size(); ++from_end) {
      const std::int64_t dim = scale[scale.size() - from_end];
      const bool is_row = by_column && from_end == 2;
      if (dim != 1 && (is_row || dim != weight[weight.size() - from_end])) return false;
    }
    return true;
  }

  // A Gemm's alpha goes into its scales, so they may be negative, or zero: all of them then.
  void CheckScale(ValueId id, const Tensor& tensor) {
    constexpr std::uint64_t kPiece = 16384;
    std::vector<float> numbers;
    std::optional<float> first;
    for (std::uint64_t at = 0; at < tensor.elements; at += numbers.size()) {
      numbers.resize(std::min(kPiece, tensor.elements - at));
      model_.files()[tensor.source.file].file->ReadAt(tensor.source.range.offset + at * sizeof(float),
                                                      std::as_writable_bytes(std::span(numbers)));
      for (std::size_t i = 0; i < numbers.size(); ++i) {
        if (!first) first = numbers[i];
        if (std::isfinite(numbers[i]) && SignOf(numbers[i]) == SignOf(*first)) continue;
        const std::string what =
            std::isfinite(numbers[i]) ? "does not have the sign of the first" : "is not finite";
        return Problem(
            id, "scale " + FormatCount(at + i) + " is " + std::to_string(numbers[i]) + ", which " + what);
      }
    }
  }

  static int SignOf(float number) { return number > 0 ? 1 : number < 0 ? -1 : 0; }

  void CheckZeroPoint(const Int8Weight& weight, const Tensor& scale, const Node& node) {
    const auto constant = model_.Constant(weight.zero_point);
    if (!constant) return;  // computed: from a constant of another type
    const std::uint64_t count = ElementCount(constant->dims).value_or(0);
    if (constant->type != weight.type) {
      Problem(weight.zero_point, "zero points of " + DataTypeName(constant->type) + " do not fit weight " +
                                     Quote(model_.values()[weight.codes].name) + " of " +
                                     DataTypeName(weight.type) + " in " + NodeLabel(node));
    } else if (count != 1 && count != scale.elements) {
      Problem(weight.zero_point, FormatCount(count, "zero point") + " for " +
                                     FormatCount(scale.elements, "scale") + " in " + NodeLabel(node));
    }
  }

  void Problem(ValueId value, const std::string& what) {
    AddProblem(check_, "tensor " + Quote(model_.values()[value].name) + ": " + what);
  }

  const Model& model_;
  std::vector<ValueId> first_outputs_;  // by node
  std::vector<Readers> readers_;        // by value
  std::set<ValueId> weights_;
  std::set<ValueId> scales_;
  Check check_ = NewCheck("weights");
};

}  // namespace

Check CheckNames(const Model& model) {
  Check check = NewCheck("names", FormatCount(model.nodes().size(), "node") + ", " +
                                      FormatCount(model.values().size(), "value"));
  std::set<std::string_view> domains;
  for (const OpsetImport& import : model.opsets()) domains.insert(import.domain);
  std::set<std::string_view> missing;
  for (const Node& node : model.nodes()) {
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i].empty() || node.input_values[i] != kNone) continue;
      AddProblem(check, NodeLabel(node) + " reads " + Quote(node.inputs[i]) + ", which nothing defines");
    }
    if (!domains.contains(node.domain) && missing.insert(node.domain).second) {
      AddProblem(check, NodeLabel(node) + " is of the operator set " +
                            Quote(node.domain.empty() ? "ai.onnx" : node.domain) +
                            ", which the model does not import");
    }
  }
  for (const Graph& graph : model.graphs()) {
    for (std::size_t i = 0; i < graph.outputs.size(); ++i) {
      if (graph.output_values[i] != kNone) continue;
      AddProblem(check, "a graph gives " + Quote(graph.outputs[i]) + ", which nothing defines");
    }
  }
  return check;
}

Check CheckOrder(const Model& model) {
  Check check = NewCheck("order", FormatCount(model.graphs().size(), "graph"));
  for (NodeId id = 0; id < model.nodes().size(); ++id) {
    const Node& node = model.nodes()[id];
    for (std::size_t i = 0; i < node.input_values.size(); ++i) {
      if (node.input_values[i] == kNone) continue;
      const Value& value = model.values()[node.input_values[i]];
      if (value.producer == kNone) continue;
      // What a body reads from outside must stand before the node that the body belongs to.
      NodeId reader = id;
      GraphId graph = node.graph;
      while (graph != value.graph && graph != kNone && model.graphs()[graph].owner != kNone) {
        reader = model.graphs()[graph].owner;
        graph = model.graphs()[graph].parent;
      }
      if (value.producer >= reader) {
        AddProblem(check, NodeLabel(node) + " reads " + Quote(node.inputs[i]) + " before " +
                              NodeLabel(model.nodes()[value.producer]) + " gives it");
      }
    }
  }
  return check;
}

Check CheckWeights(const Model& model) { return WeightChecker(model).Run(); }

}  // namespace qi8
