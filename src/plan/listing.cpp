#include "plan/listing.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <utility>
#include <variant>

#include "core/domains.hpp"
#include "edit/constant_view.hpp"
#include "plan/plan.hpp"

namespace qi8 {
namespace {

bool IsQuantizedAlready(const Node& node) {
  static constexpr auto kOperators = std::to_array<std::string_view>(
      {"ConvInteger", "DequantizeLinear", "DynamicQuantizeLSTM", "DynamicQuantizeLinear",
       "DynamicQuantizeMatMul", "GatherBlockQuantized", "MatMulBnb4", "MatMulFpQ4", "MatMulInteger",
       "MatMulIntegerToFloat", "MatMulNBits", "QAttention", "QEmbedLayerNormalization", "QGemm",
       "QuantizeLinear"});
  if (!node.domain.empty() && node.domain != kMicrosoftDomain) return false;
  return node.op_type.starts_with("QLinear") ||
         std::ranges::find(kOperators, node.op_type) != kOperators.end();
}

class Lister {
 public:
  Lister(const Model& model, const NodeSelector& selector, const PlanningOutcome& outcome)
      : model_(model), selector_(selector), outcome_(outcome) {}

  std::vector<NodeDecision> List() {
    for (NodeId id = 0; id < outcome_.decisions.size(); ++id) List(id);
    ListElsewhere();
    return std::move(entries_);
  }

 private:
  // A line for every constant of floating-point numbers that a node reads, be it a weight or not.
  void List(NodeId id) {
    const Node& node = model_.nodes()[id];
    if (IsViewOperator(node) && !outcome_.decisions[id]) return;  // its readers are listed
    const Edit* edit = EditOf(outcome_.decisions, id);
    const bool stored_only = edit != nullptr && selector_.StoresOnly(node);
    for (std::size_t input = 0; input < node.inputs.size(); ++input) {
      NodeDecision entry = Describe(node, input);
      const WeightRequest* request = edit == nullptr ? nullptr : RequestOf(*edit, input);
      if (request != nullptr) {
        entry.quantized_bytes = request->bytes();
        entry.stored_only = stored_only;
        if (edit->form) {
          entry.form = NameOf(edit->form->form);
          entry.form_note = edit->form->obstacle;
        }
        entry.also_kept = IsStillThere(request->tensor);
      } else {
        if (edit != nullptr && TensorOf(node, input) == nullptr) continue;  // it is an activation
        entry.skip = WhyNot(id, input);
        if (!IsWorthListing(node, input, *entry.skip)) continue;
      }
      entries_.push_back(std::move(entry));
    }
  }

  // Numbers that are not a value of a graph: in bodies of functions, in attributes, in sparse tensors.
  void ListElsewhere() {
    for (TensorId id = 0; id < model_.tensors().size(); ++id) {
      const Tensor& tensor = model_.tensors()[id];
      const bool is_weight = IsFloatingPoint(tensor.type) && tensor.elements >= kListedElements;
      if (outcome_.tensor_values[id] != kNone || !is_weight) continue;
      NodeDecision entry;
      Describe(tensor, entry);
      entry.op_type = tensor.function;
      entry.skip =
          Skip{SkipReason::kElsewhere,
               tensor.function.empty() ? "" : "--optimize basic puts the function's nodes into the graph"};
      entries_.push_back(std::move(entry));
    }
  }

  static const WeightRequest* RequestOf(const Edit& edit, std::size_t input) {
    const auto found = std::ranges::find(edit.weights, input, &WeightRequest::input);
    return found == edit.weights.end() ? nullptr : &*found;
  }

  static bool IsWeightInput(const Node& node, std::size_t input) {
    const auto inputs = WeightInputs(node);
    return std::ranges::find(inputs, input) != inputs.end();
  }

  Skip WhyNot(NodeId id, std::size_t input) const {
    const Node& node = model_.nodes()[id];
    if (node.calls_function) return {SkipReason::kLocalFunction, ""};
    if (!outcome_.decisions[id]) return {SkipReason::kNoRule, ""};
    if (!IsWeightInput(node, input)) return {SkipReason::kOperand, ""};
    if (const auto* skip = std::get_if<Skip>(&*outcome_.decisions[id])) return *skip;
    const auto weight = ViewConstant(model_, node.input_values[input]);
    const auto* skip = std::get_if<Skip>(&weight);
    return skip != nullptr ? *skip : Skip{SkipReason::kOperand, ""};
  }

  // The weight as the reader of a plan wants to see it.
  NodeDecision Describe(const Node& node, std::size_t input) {
    NodeDecision entry;
    entry.node = node.name;
    entry.op_type = node.op_type;
    const Tensor* tensor = TensorOf(node, input);
    if (tensor != nullptr) {
      Describe(*tensor, entry);
    } else {
      entry.weight = node.inputs[input];
    }
    return entry;
  }

  void Describe(const Tensor& tensor, NodeDecision& entry) {
    entry.weight_number = numbers_.try_emplace(tensor.source, numbers_.size()).first->second;
    entry.weight = tensor.name;
    entry.weight_type = DataTypeName(tensor.type);
    entry.weight_shape = tensor.dims;
    entry.weight_bytes = tensor.source.range.length;
  }

  const Tensor* TensorOf(const Node& node, std::size_t input) const {
    const ValueId id = node.input_values[input];
    if (id == kNone) return nullptr;
    const auto view = ViewConstant(model_, id);
    const auto* constant = std::get_if<ConstantView>(&view);
    const TensorId tensor = constant != nullptr ? constant->tensor : model_.values()[id].tensor;
    return tensor == kNone ? nullptr : &model_.tensors()[tensor];
  }

  // Small constants are not weights. A weight of a product that is none is worth a line, for it tells why the
  // node is as it was; Gather is used on shapes and indices much more than on embeddings.
  bool IsWorthListing(const Node& node, std::size_t input, const Skip& skip) const {
    const Tensor* tensor = TensorOf(node, input);
    if (tensor != nullptr) return IsFloatingPoint(tensor->type) && tensor->elements >= kListedElements;
    if (node.input_values[input] != kNone && model_.values()[node.input_values[input]].is_sparse) return true;
    const Rule* rule = FindRule(node);
    return rule != nullptr && rule->computed && rule->computed->weight_input == input &&
           !rule->computed->can_choose_shape && !node.calls_function &&
           skip.reason != SkipReason::kOperatorNotSelected;
  }

  // Whether the output still has the tensor as it was.
  bool IsStillThere(TensorId tensor) const {
    return !outcome_.removed.contains(outcome_.tensor_values.at(tensor));
  }

  const Model& model_;
  const NodeSelector& selector_;
  const PlanningOutcome& outcome_;
  std::vector<NodeDecision> entries_;
  std::map<TensorSource, std::size_t> numbers_;
};

}  // namespace

std::vector<NodeDecision> ListWeights(const Model& model, const NodeSelector& selector,
                                      const PlanningOutcome& outcome) {
  return Lister(model, selector, outcome).List();
}

std::size_t CountQuantizedNodes(const Model& model) {
  return static_cast<std::size_t>(std::ranges::count_if(model.nodes(), IsQuantizedAlready));
}

}  // namespace qi8
