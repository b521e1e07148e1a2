#include "plan/plan.hpp"

#include <algorithm>
#include <bit>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "model/element_types.hpp"
#include "plan/growth.hpp"
#include "plan/listing.hpp"
#include "plan/names.hpp"
#include "plan/selection.hpp"
#include "rules/constant_view.hpp"

namespace qi8 {
namespace {

// What stored_dims and perm come to where a stream of tiles can follow: the last dimensions, in two blocks,
// change places, and each row of the stored matrix has one scale, or all have.
std::optional<Transposition> TranspositionOf(const WeightRequest& request) {
  const auto& perm = request.perm;
  const std::size_t rank = perm.size();
  std::size_t first = 0;
  while (first < rank && perm[first] == static_cast<std::int64_t>(first)) ++first;
  if (first == rank) return std::nullopt;
  const auto split = static_cast<std::size_t>(perm[first]);
  for (std::size_t d = first; d < rank; ++d) {
    const std::size_t moved = first + (split - first + d - first) % (rank - first);
    if (perm[d] != static_cast<std::int64_t>(moved)) return std::nullopt;
  }
  const auto product = [&](std::size_t from, std::size_t to) {
    std::uint64_t size = 1;
    for (std::size_t d = from; d < to; ++d) size *= static_cast<std::uint64_t>(request.stored_dims[d]);
    return size;
  };
  const Transposition found{product(0, first), product(first, split), product(split, rank)};
  const bool a_scale_for_each_row = request.shape.channels == 1 && request.shape.reduced == found.columns;
  const bool one_scale = request.shape.scales() == 1;
  return a_scale_for_each_row || one_scale ? std::optional(found) : std::nullopt;
}

// The outputs of a DynamicQuantizeLinear.
struct ActivationNames {
  std::string data, scale, zero_point;
};

// Turns the rules' edits into one rewrite: shared weights and activations once, every symbol a name.
class Planner {
 public:
  Planner(const Model& model, const Selection& selection, std::set<TensorId> non_finite)
      : model_(model),
        context_{.model = model,
                 .selection = selection,
                 .element_types =
                     selection.matmul_const_b_only ? std::vector<DataType>() : InferElementTypes(model),
                 .non_finite = std::move(non_finite),
                 .settled_shapes = {}},
        selector_(selection, model),
        names_(model.AllNames()) {
    uses_.reserve(model.values().size());
    for (const Value& value : model.values()) uses_.push_back(value.uses);
    has_body_.resize(model.nodes().size());
    for (const Graph& graph : model.graphs()) {
      if (graph.owner != kNone) has_body_[graph.owner] = true;
    }
    tensor_values_.resize(model.tensors().size(), kNone);
    for (ValueId id = 0; id < model.values().size(); ++id) {
      const TensorId tensor = model.values()[id].tensor;
      if (tensor != kNone) tensor_values_[tensor] = id;
    }
  }

  Plan Make() {
    decisions_.resize(model_.nodes().size());
    for (NodeId id = 0; id < decisions_.size(); ++id) Decide(id, false);
    for (NodeId id = 0; id < decisions_.size(); ++id) Decide(id, true);
    ChooseLayouts();
    for (NodeId id = 0; id < decisions_.size(); ++id) {
      if (!decisions_[id]) continue;
      if (const auto* edit = std::get_if<Edit>(&*decisions_[id])) Resolve(id, *edit);
    }
    RemoveUnused();
    plan_.nodes = ListWeights(model_, selector_, {decisions_, tensor_values_, removed_});
    ImportDomains();
    plan_.quantized_before = CountQuantizedNodes(model_);
    return std::move(plan_);
  }

 private:
  // ---- What becomes of each node

  // Rules that can choose how they share a weight are asked after all others.
  void Decide(NodeId id, bool can_choose) {
    const Node& node = model_.nodes()[id];
    if (has_body_[id] || node.calls_function) return;
    const Rule* rule = FindRule(node);
    if (rule == nullptr) return;
    if ((rule->computed && rule->computed->can_choose_shape) != can_choose) return;
    decisions_[id] = Check(Ask(rule, node), node);
    if (const auto* edit = std::get_if<Edit>(&*decisions_[id])) {
      for (const WeightRequest& request : edit->weights) {
        if (!can_choose) context_.settled_shapes.emplace(request.tensor, request.shape);
      }
    }
  }

  // Whether there is one that another node could read, besides the first, which there is.
  static bool HasMoreOutputs(const Node& node) {
    return std::any_of(node.outputs.begin() + 1, node.outputs.end(), [](auto name) { return !name.empty(); });
  }

  Decision Ask(const Rule* rule, const Node& node) const {
    if (auto skip = selector_.Refuse(node)) return *std::move(skip);
    if (node.outputs.empty()) return Skip{SkipReason::kShape, "it has no output"};
    return selector_.StoresOnly(node) ? PlanStored(context_, node) : rule->computed->plan(context_, node);
  }

  Decision Check(Decision decision, const Node& node) const {
    const auto* edit = std::get_if<Edit>(&decision);
    if (edit == nullptr) return decision;
    if (!edit->nodes.back().has_all_outputs && HasMoreOutputs(node)) {
      return Skip{SkipReason::kShape, "it has an output that the operator does not have"};
    }
    for (const WeightRequest& request : edit->weights) {
      const Tensor& tensor = model_.tensors()[request.tensor];
      if (tensor.elements < context_.selection.min_elements) {
        return Skip{SkipReason::kTooSmall, std::to_string(tensor.elements) + " elements"};
      }
      if (request.shape.channels > kMostChannels) {
        return Skip{SkipReason::kShape, std::to_string(request.shape.channels) + " output channels"};
      }
      if (QuantizedBytes(request) >= tensor.source.range.length) return Skip{SkipReason::kNoSaving, ""};
    }
    if (!context_.selection.allow_growth && !Shrinks(node, *edit)) {
      return Skip{SkipReason::kNoSaving, "with its new nodes; --allow-growth quantizes it"};
    }
    return decision;
  }

  // Whether the file does where the edit is made. The product of two activations has nothing that could.
  bool Shrinks(const Node& node, const Edit& edit) const {
    if (edit.weights.empty()) return true;
    std::int64_t growth = GraphGrowth(model_, node, edit);
    for (const WeightRequest& request : edit.weights) {
      growth += static_cast<std::int64_t>(QuantizedBytes(request));
      growth -= static_cast<std::int64_t>(model_.tensors()[request.tensor].source.range.length);
    }
    return growth < 0;
  }

  // ---- Weights

  // Codes that are the same whoever asks for them.
  using WeightKey = std::tuple<TensorSource, DataType, ChannelShape, Scheme>;

  WeightKey KeyOf(const WeightRequest& request) const {
    const Tensor& tensor = model_.tensors()[request.tensor];
    return {tensor.source, tensor.type, request.shape, request.scheme};
  }

  // Codes that all want in one other order are written in it. Where some want them as they are stored, the
  // others get a Transpose, which the runtime folds when it loads the model.
  void ChooseLayouts() {
    for (const auto& decision : decisions_) {
      const auto* edit = decision ? std::get_if<Edit>(&*decision) : nullptr;
      if (edit == nullptr) continue;
      for (const WeightRequest& request : edit->weights) {
        const auto wanted = TranspositionOf(request);
        const auto [known, is_new] = layouts_.try_emplace(KeyOf(request), wanted);
        if (!is_new && known->second != wanted) known->second.reset();
      }
    }
  }

  struct WeightNames {
    std::string data, scale, zero_point;
  };

  // The names of the INT8 tensor, of its scales and of its zero points, made where this is the first node
  // that asks for them.
  WeightNames NamesOf(const WeightRequest& request, const Node& node, Replacement& replacement) {
    const std::string& name = model_.tensors()[request.tensor].name;
    const GraphId graph = model_.values()[tensor_values_.at(request.tensor)].graph;
    const WeightKey key = KeyOf(request);
    const std::optional<Transposition> transposition = layouts_.at(key);
    const auto [known, is_new] = weights_.try_emplace(key, plan_.weights.size());
    if (is_new) {
      plan_.weights.push_back({.source = request.tensor,
                               .shape = request.shape,
                               .scheme = request.scheme,
                               .transposition = transposition,
                               .int8_tensors = {},
                               .scales = {},
                               .zero_points = {}});
    }
    QuantizedWeight& weight = plan_.weights[known->second];
    const bool as_stored = !transposition && !request.perm.empty();
    const std::string codes = CodesName(weight, graph, as_stored ? request.stored_dims : request.dims, name);
    return {as_stored ? TransposedName(codes, request.perm, node, replacement) : codes,
            ScaleName(weight, request, graph, name),
            HasZeroPoints(request.scheme) ? ZeroPointName(weight, request, graph, name) : ""};
  }

  std::string CodesName(QuantizedWeight& weight, GraphId graph, const std::vector<std::int64_t>& dims,
                        const std::string& name) {
    for (const std::uint32_t number : weight.int8_tensors) {
      const NewTensor& tensor = NewTensorOf(number);
      if (tensor.graph == graph && tensor.dims == dims) return tensor.name;
    }
    weight.int8_tensors.push_back(AddTensor({.graph = graph,
                                             .name = names_.Allocate(name + "_quantized"),
                                             .type = CodeType(weight.scheme),
                                             .dims = dims,
                                             .bytes = weight.shape.elements()}));
    return NewTensorOf(weight.int8_tensors.back()).name;
  }

  // Nodes of one weight share its scales too, unless they want them multiplied by different factors.
  std::string ScaleName(QuantizedWeight& weight, const WeightRequest& request, GraphId graph,
                        const std::string& name) {
    for (const ScaleOutput& scale : weight.scales) {
      const NewTensor& tensor = NewTensorOf(scale.tensor);
      if (SameBits(scale.factor, request.scale_factor) && tensor.graph == graph &&
          tensor.dims == request.scale_dims) {
        return tensor.name;
      }
    }
    weight.scales.push_back({AddTensor({.graph = graph,
                                        .name = names_.Allocate(name + "_scale"),
                                        .type = DataType::kFloat,
                                        .dims = request.scale_dims,
                                        .bytes = request.shape.scales() * sizeof(float)}),
                             request.scale_factor});
    return NewTensorOf(weight.scales.back().tensor).name;
  }

  std::string ZeroPointName(QuantizedWeight& weight, const WeightRequest& request, GraphId graph,
                            const std::string& name) {
    for (const std::uint32_t number : weight.zero_points) {
      const NewTensor& tensor = NewTensorOf(number);
      if (tensor.graph == graph && tensor.dims == request.zero_point_dims) return tensor.name;
    }
    weight.zero_points.push_back(AddTensor({.graph = graph,
                                            .name = names_.Allocate(name + "_zero_point"),
                                            .type = CodeType(weight.scheme),
                                            .dims = request.zero_point_dims,
                                            .bytes = request.shape.scales()}));
    return NewTensorOf(weight.zero_points.back()).name;
  }

  static bool SameBits(float a, float b) {
    return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
  }

  std::string TransposedName(const std::string& codes, const std::vector<std::int64_t>& perm,
                             const Node& node, Replacement& replacement) {
    const auto [known, is_new] = transposed_.try_emplace({node.graph, codes, perm});
    if (is_new) {
      known->second = names_.Allocate(codes + "_transposed");
      AddNode(replacement, {.op_type = "Transpose",
                            .domain = "",
                            .name = names_.Allocate(known->second + "_Transpose"),
                            .inputs = {codes},
                            .outputs = {known->second},
                            .attributes = {{"perm", perm}},
                            .inherits = {}});
    }
    return known->second;
  }

  std::uint32_t AddTensor(NewTensor tensor) {
    plan_.rewrite.new_tensors.push_back(std::move(tensor));
    return static_cast<std::uint32_t>(model_.tensors().size() + plan_.rewrite.new_tensors.size() - 1);
  }

  const NewTensor& NewTensorOf(std::uint32_t number) const {
    return plan_.rewrite.new_tensors.at(number - model_.tensors().size());
  }

  // ---- Nodes

  // An edit with all its symbols resolved to names.
  struct ResolvedEdit {
    std::vector<ActivationNames> activations;
    std::vector<WeightNames> weights;
    std::vector<std::string> results;
  };

  void Resolve(NodeId id, const Edit& edit) {
    const Node& node = model_.nodes()[id];
    for (const ValueId value : node.input_values) AddUses(value, -1);
    Replacement replacement{.node = id, .nodes = {}};
    ResolvedEdit resolved;
    for (const WeightRequest& request : edit.weights) {
      resolved.weights.push_back(NamesOf(request, node, replacement));
    }
    resolved.activations.resize(edit.activations.size());
    for (std::size_t i = 0; i < edit.nodes.size(); ++i) {
      const EditNode& edit_node = edit.nodes[i];
      const bool is_last = i + 1 == edit.nodes.size();
      NewNode fresh{.op_type = edit_node.op_type,
                    .domain = edit_node.domain,
                    .name = edit_node.has_all_outputs && !node.name.empty()
                                ? std::string(node.name)
                                : names_.Allocate(NodeLabel(node) + "_" + edit_node.op_type),
                    .inputs = {},
                    .outputs = {},
                    .attributes = edit_node.attributes,
                    .inherits = edit_node.inherits};
      for (const Operand& operand : edit_node.inputs) {
        if (const auto* activation = std::get_if<ActivationOperand>(&operand)) {
          EnsureQuantized(node, edit.activations[activation->activation], resolved,
                          resolved.activations[activation->activation], replacement);
        }
        CountUse(operand, node);
        fresh.inputs.push_back(NameOf(operand, resolved));
      }
      if (edit_node.has_all_outputs) {
        fresh.outputs.assign(node.outputs.begin(), node.outputs.end());
      } else {
        fresh.outputs = {is_last ? std::string(node.outputs[0]) : fresh.name};
      }
      resolved.results.push_back(fresh.outputs[0]);
      AddNode(replacement, std::move(fresh));
    }
    plan_.rewrite.replacements.push_back(std::move(replacement));
  }

  void AddNode(Replacement& replacement, NewNode node) {
    if (!node.domain.empty()) new_domains_.insert(node.domain);
    replacement.nodes.push_back(std::move(node));
  }

  // Names need not be there, and a node may have a first output that nobody wants.
  static std::string NodeLabel(const Node& node) {
    if (!node.name.empty()) return std::string(node.name);
    const auto named = std::ranges::find_if(node.outputs, [](auto output) { return !output.empty(); });
    return std::string(named == node.outputs.end() ? node.op_type : *named);
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
      const WeightNames& names = resolved.weights.at(weight->weight);
      using Part = WeightOperand::Part;
      return weight->part == Part::kData    ? names.data
             : weight->part == Part::kScale ? names.scale
                                            : names.zero_point;
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
  void EnsureQuantized(const Node& node, const ActivationRequest& request, const ResolvedEdit& resolved,
                       ActivationNames& names, Replacement& replacement) {
    if (!names.data.empty()) return;
    const std::string name = NameOf(request.value, resolved);
    const auto [known, is_new] = activations_.try_emplace({node.graph, name});
    if (is_new) {
      CountUse(request.value, node);
      known->second = {names_.Allocate(name + "_quantized"), names_.Allocate(name + "_scale"),
                       names_.Allocate(name + "_zero_point")};
      std::string real = name;
      if (request.type != DataType::kFloat) {
        real = names_.Allocate(name + "_float32");
        AddNode(replacement, {.op_type = "Cast",
                              .domain = "",
                              .name = names_.Allocate(real + "_Cast"),
                              .inputs = {name},
                              .outputs = {real},
                              .attributes = {{"to", static_cast<std::int64_t>(DataType::kFloat)}},
                              .inherits = {}});
      }
      AddNode(replacement, {.op_type = "DynamicQuantizeLinear",
                            .domain = "",
                            .name = names_.Allocate(name + "_DynamicQuantizeLinear"),
                            .inputs = {real},
                            .outputs = {known->second.data, known->second.scale, known->second.zero_point},
                            .attributes = {},
                            .inherits = {}});
    }
    names = known->second;
  }

  // ---- What is left over

  void AddUses(ValueId value, int change) {
    if (value == kNone) return;
    uses_.at(value) += static_cast<std::uint32_t>(change);
    if (change < 0 && uses_[value] == 0) unused_.push_back(value);
  }

  // What no node reads any more goes, with the operators between a weight and its node; what some node still
  // needs in floating point stays beside its INT8 copy. Weights that nobody read in the first place are not
  // ours to remove.
  void RemoveUnused() {
    while (!unused_.empty()) {
      const ValueId id = unused_.back();
      unused_.pop_back();
      const Value& value = model_.values()[id];
      if (uses_[id] != 0 || !removed_.insert(id).second) continue;
      if (value.producer == kNone) {
        const bool ours = value.is_initializer && (!value.is_graph_input || MayOverride(value));
        if (ours) plan_.rewrite.removed_initializers.push_back(id);
        continue;
      }
      const Node& node = model_.nodes()[value.producer];
      const bool is_constant = node.domain.empty() && node.op_type == "Constant" && !HasMoreOutputs(node);
      if (has_body_[value.producer] || !(is_constant || IsViewOperator(node))) continue;
      plan_.rewrite.replacements.push_back({.node = value.producer, .nodes = {}});
      for (const ValueId input : node.input_values) AddUses(input, -1);
    }
    std::ranges::sort(plan_.rewrite.removed_initializers);
  }

  bool MayOverride(const Value& value) const {
    return context_.selection.override_inputs && value.graph == 0 && value.tensor != kNone;
  }

  void ImportDomains() {
    for (const std::string& domain : new_domains_) {
      const bool known = std::ranges::any_of(
          model_.opsets(), [&domain](const OpsetImport& import) { return import.domain == domain; });
      if (!known) plan_.rewrite.opset_imports.push_back({domain, 1});
    }
  }

  const Model& model_;
  RuleContext context_;
  NodeSelector selector_;
  NameAllocator names_;
  Plan plan_;
  std::vector<std::optional<Decision>> decisions_;  // by NodeId; nothing: no rule knows the operator
  std::vector<std::uint32_t> uses_;                 // by ValueId, as edits leave them
  std::vector<ValueId> unused_;                     // to be looked at by RemoveUnused
  std::set<ValueId> removed_;
  std::vector<bool> has_body_;          // by NodeId; no operator with a rule has one, but a file may say so
  std::vector<ValueId> tensor_values_;  // by TensorId: the value whose contents it is
  std::map<std::pair<GraphId, std::string>, ActivationNames> activations_;
  std::map<WeightKey, std::optional<Transposition>> layouts_;
  std::map<WeightKey, std::size_t> weights_;
  std::map<std::tuple<GraphId, std::string, std::vector<std::int64_t>>, std::string> transposed_;
  std::set<std::string> new_domains_;
};

}  // namespace

Plan MakePlan(const Model& model, const Selection& selection, std::set<TensorId> non_finite) {
  return Planner(model, selection, std::move(non_finite)).Make();
}

}  // namespace qi8
