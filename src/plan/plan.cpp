#include "plan/plan.hpp"

#include <bit>
#include <map>
#include <tuple>
#include <utility>

#include "plan/names.hpp"
#include "plan/selection.hpp"

namespace qi8 {
namespace {

constexpr std::uint64_t kScaleBytes = sizeof(float);

std::uint64_t QuantizedBytes(const WeightRequest& request) {
  return request.shape.elements() + request.shape.scales() * kScaleBytes;
}

// The outputs of a DynamicQuantizeLinear.
struct ActivationNames {
  std::string data, scale, zero_point;
};

// Turns the rules' edits into one rewrite: shared weights and activations once, every symbol a name.
class Planner {
 public:
  Planner(const Model& model, const Selection& selection)
      : model_(model), selection_(selection), selector_(selection, model), names_(model.AllNames()) {
    uses_.reserve(model.values().size());
    for (const Value& value : model.values()) uses_.push_back(value.uses);
    has_body_.resize(model.nodes().size());
    for (const Graph& graph : model.graphs()) {
      if (graph.owner != kNone) has_body_[graph.owner] = true;
    }
  }

  Plan Make() {
    for (NodeId id = 0; id < model_.nodes().size(); ++id) PlanNode(id);
    RemoveUnused();
    return std::move(plan_);
  }

 private:
  void PlanNode(NodeId id) {
    const Node& node = model_.nodes()[id];
    const Rule* rule = node.domain.empty() && !has_body_[id] ? FindRule(node.op_type) : nullptr;
    if (rule == nullptr) return ListUntouched(node);
    Decision decision = Decide(*rule, node);
    NodeDecision entry = Describe(node, rule->weight_input);
    if (const auto* skip = std::get_if<Skip>(&decision)) {
      if (!IsWorthListing(node, *rule, *skip)) return;
      entry.skip = *skip;
    } else {
      const Edit& edit = std::get<Edit>(decision);
      for (const WeightRequest& request : edit.weights) entry.quantized_bytes += QuantizedBytes(request);
      Resolve(id, edit);
    }
    plan_.nodes.push_back(std::move(entry));
  }

  Decision Decide(const Rule& rule, const Node& node) const {
    if (auto skip = selector_.Refuse(rule, node)) return *std::move(skip);
    Decision decision = rule.plan(model_, node);
    const auto* edit = std::get_if<Edit>(&decision);
    if (edit == nullptr) return decision;
    for (const WeightRequest& request : edit->weights) {
      const Tensor& tensor = model_.tensors()[request.tensor];
      if (tensor.elements < selection_.min_elements) {
        return Skip{SkipReason::kTooSmall, std::to_string(tensor.elements) + " elements"};
      }
      if (request.shape.channels > kMostChannels) {
        return Skip{SkipReason::kShape, std::to_string(request.shape.channels) + " output channels"};
      }
      if (QuantizedBytes(request) >= tensor.source.range.length) return Skip{SkipReason::kNoSaving, ""};
    }
    return decision;
  }

  // The weight as the reader of a plan wants to see it.
  NodeDecision Describe(const Node& node, std::size_t weight_input) const {
    NodeDecision entry;
    entry.node = node.name;
    entry.op_type = node.op_type;
    const Tensor* tensor = TensorOf(node, weight_input);
    if (tensor != nullptr) {
      entry.weight = tensor->name;
      entry.weight_type = DataTypeName(tensor->type);
      entry.weight_shape = tensor->dims;
      entry.weight_bytes = tensor->source.range.length;
    } else if (weight_input < node.inputs.size()) {
      entry.weight = node.inputs[weight_input];
    }
    return entry;
  }

  const Tensor* TensorOf(const Node& node, std::size_t input) const {
    if (input >= node.input_values.size() || node.input_values[input] == kNone) return nullptr;
    const TensorId tensor = model_.values()[node.input_values[input]].tensor;
    return tensor == kNone ? nullptr : &model_.tensors()[tensor];
  }

  // Gather is used on shapes and indices much more than on embeddings: what has no floating-point table is no
  // weight.
  bool IsWorthListing(const Node& node, const Rule& rule, const Skip& skip) const {
    const Tensor* tensor = TensorOf(node, rule.weight_input);
    if (tensor != nullptr) return IsFloatingPoint(tensor->type) && tensor->elements >= kListedElements;
    return rule.op_type != "Gather" && skip.reason != SkipReason::kOperatorNotSelected;
  }

  void ListUntouched(const Node& node) {
    for (std::size_t input = 0; input < node.inputs.size(); ++input) {
      const Tensor* tensor = TensorOf(node, input);
      if (tensor == nullptr || !IsFloatingPoint(tensor->type) || tensor->elements < kListedElements) continue;
      NodeDecision entry = Describe(node, input);
      entry.skip = Skip{SkipReason::kNoRule, ""};
      plan_.nodes.push_back(std::move(entry));
    }
  }

  // An edit with all its symbols resolved to names.
  struct ResolvedEdit {
    std::vector<ActivationNames> activations;
    std::vector<std::pair<std::string, std::string>> weights;  // INT8, scale
    std::vector<std::string> results;
  };

  void Resolve(NodeId id, const Edit& edit) {
    const Node& node = model_.nodes()[id];
    for (const ValueId value : node.input_values) AddUses(value, -1);
    Replacement replacement{.node = id, .nodes = {}};
    ResolvedEdit resolved;
    for (const WeightRequest& request : edit.weights) resolved.weights.push_back(WeightNames(request));
    resolved.activations.resize(edit.activations.size());
    for (std::size_t i = 0; i < edit.nodes.size(); ++i) {
      const EditNode& edit_node = edit.nodes[i];
      NewNode fresh{.op_type = edit_node.op_type,
                    .domain = "",
                    .name = names_.Allocate(NodeLabel(node) + "_" + edit_node.op_type),
                    .inputs = {},
                    .outputs = {},
                    .attributes = edit_node.attributes};
      for (const Operand& operand : edit_node.inputs) {
        if (const auto* activation = std::get_if<ActivationOperand>(&operand)) {
          EnsureQuantized(node, edit.activations[activation->activation], resolved,
                          resolved.activations[activation->activation], replacement);
        }
        CountUse(operand, node);
        fresh.inputs.push_back(NameOf(operand, resolved));
      }
      const bool is_last = i + 1 == edit.nodes.size();
      fresh.outputs = {is_last ? std::string(node.outputs[0]) : fresh.name};
      resolved.results.push_back(fresh.outputs[0]);
      replacement.nodes.push_back(std::move(fresh));
    }
    plan_.rewrite.replacements.push_back(std::move(replacement));
  }

  static std::string NodeLabel(const Node& node) {
    return std::string(node.name.empty() ? node.outputs[0] : node.name);
  }

  // A new node reads what the node that it stands for read.
  void CountUse(const Operand& operand, const Node& node) {
    const auto* name = std::get_if<NameOperand>(&operand);
    for (std::size_t i = 0; name != nullptr && i < node.inputs.size(); ++i) {
      if (node.inputs[i] == name->name) return AddUses(node.input_values[i], 1);
    }
  }

  static std::string NameOf(const Operand& operand, const ResolvedEdit& resolved) {
    if (const auto* name = std::get_if<NameOperand>(&operand)) return name->name;
    if (const auto* result = std::get_if<ResultOperand>(&operand)) return resolved.results.at(result->node);
    if (const auto* weight = std::get_if<WeightOperand>(&operand)) {
      const auto& [data, scale] = resolved.weights.at(weight->weight);
      return weight->part == WeightOperand::Part::kData ? data : scale;
    }
    const auto& activation = std::get<ActivationOperand>(operand);
    const ActivationNames& names = resolved.activations.at(activation.activation);
    switch (activation.part) {
      case ActivationOperand::Part::kData:
        return names.data;
      case ActivationOperand::Part::kScale:
        return names.scale;
      default:
        return names.zero_point;
    }
  }

  // Puts the DynamicQuantizeLinear of an activation before its first user in the graph; later ones share it.
  void EnsureQuantized(const Node& node, const Operand& value, const ResolvedEdit& resolved,
                       ActivationNames& names, Replacement& replacement) {
    if (!names.data.empty()) return;
    const std::string name = NameOf(value, resolved);
    const auto [known, is_new] = activations_.try_emplace({node.graph, name});
    if (is_new) {
      CountUse(value, node);
      known->second = {names_.Allocate(name + "_quantized"), names_.Allocate(name + "_scale"),
                       names_.Allocate(name + "_zero_point")};
      replacement.nodes.push_back(
          {.op_type = "DynamicQuantizeLinear",
           .domain = "",
           .name = names_.Allocate(name + "_DynamicQuantizeLinear"),
           .inputs = {name},
           .outputs = {known->second.data, known->second.scale, known->second.zero_point},
           .attributes = {}});
    }
    names = known->second;
  }

  // The names of the INT8 tensor and of its scales, made where this is the first node that asks for them.
  std::pair<std::string, std::string> WeightNames(const WeightRequest& request) {
    const Tensor& tensor = model_.tensors()[request.tensor];
    const GraphId graph = GraphOf(request.tensor);
    const auto key = std::tuple(graph, tensor.source, request.shape, request.layout, request.dims);
    const auto [known, is_new] = weights_.try_emplace(key, plan_.weights.size());
    if (is_new) {
      const std::uint32_t number = AddTensor({.graph = graph,
                                              .name = names_.Allocate(tensor.name + "_quantized"),
                                              .type = DataType::kInt8,
                                              .dims = request.dims,
                                              .bytes = request.shape.elements()});
      plan_.weights.push_back({.source = request.tensor,
                               .shape = request.shape,
                               .layout = request.layout,
                               .int8_tensor = number,
                               .scales = {}});
    }
    QuantizedWeight& weight = plan_.weights[known->second];
    return {NewTensorName(weight.int8_tensor), ScaleName(weight, request, graph, tensor.name)};
  }

  // Nodes of one weight share its scales too, unless they want them multiplied by different factors.
  std::string ScaleName(QuantizedWeight& weight, const WeightRequest& request, GraphId graph,
                        const std::string& weight_name) {
    for (const ScaleOutput& scale : weight.scales) {
      const bool same_factor =
          std::bit_cast<std::uint32_t>(scale.factor) == std::bit_cast<std::uint32_t>(request.scale_factor);
      const bool same_shape = NewTensorOf(scale.tensor).dims == request.scale_dims;
      if (same_factor && same_shape) return NewTensorName(scale.tensor);
    }
    const std::uint32_t number = AddTensor({.graph = graph,
                                            .name = names_.Allocate(weight_name + "_scale"),
                                            .type = DataType::kFloat,
                                            .dims = request.scale_dims,
                                            .bytes = request.shape.scales() * kScaleBytes});
    weight.scales.push_back({number, request.scale_factor});
    return NewTensorName(number);
  }

  GraphId GraphOf(TensorId tensor) {
    if (tensor_graphs_.empty()) {
      tensor_graphs_.resize(model_.tensors().size(), 0);
      for (const Value& value : model_.values()) {
        if (value.tensor != kNone) tensor_graphs_[value.tensor] = value.graph;
      }
    }
    return tensor_graphs_.at(tensor);
  }

  std::uint32_t AddTensor(NewTensor tensor) {
    plan_.rewrite.new_tensors.push_back(std::move(tensor));
    return static_cast<std::uint32_t>(model_.tensors().size() + plan_.rewrite.new_tensors.size() - 1);
  }

  const NewTensor& NewTensorOf(std::uint32_t number) const {
    return plan_.rewrite.new_tensors.at(number - model_.tensors().size());
  }
  std::string NewTensorName(std::uint32_t number) const { return NewTensorOf(number).name; }

  void AddUses(ValueId value, int change) {
    if (value != kNone) uses_.at(value) += static_cast<std::uint32_t>(change);
  }

  // What no node reads any more goes; what some node still needs in FP32 stays beside its INT8 copy. Weights
  // that nobody read in the first place are not ours to remove.
  void RemoveUnused() {
    for (ValueId id = 0; id < model_.values().size(); ++id) {
      const Value& value = model_.values()[id];
      const bool ours = !value.is_graph_input && (value.producer == kNone || !has_body_[value.producer]);
      if (ours && value.tensor != kNone && value.uses > 0 && uses_[id] == 0) {
        plan_.rewrite.removed_tensors.push_back(value.tensor);
      }
    }
  }

  const Model& model_;
  const Selection& selection_;
  NodeSelector selector_;
  NameAllocator names_;
  Plan plan_;
  std::vector<std::uint32_t> uses_;  // by ValueId, as edits leave them
  std::vector<bool> has_body_;       // by NodeId; no operator with a rule has one, but a file may say so
  std::vector<GraphId> tensor_graphs_;
  std::map<std::pair<GraphId, std::string>, ActivationNames> activations_;
  std::map<std::tuple<GraphId, TensorSource, ChannelShape, WeightLayout, std::vector<std::int64_t>>,
           std::size_t>
      weights_;
};

}  // namespace

Plan MakePlan(const Model& model, const Selection& selection) { return Planner(model, selection).Make(); }

}  // namespace qi8
