#include "tune/units.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>

#include "model/element_types.hpp"
#include "plan/decide.hpp"
#include "plan/node_forms.hpp"
#include "plan/selection.hpp"

namespace qi8::tune {
namespace {

constexpr Form kFloat32Form = {FormKind::kFloat32};

// The node of the main graph that the node is, or that holds it in a body.
NodeId Holder(const Model& model, NodeId id) {
  while (model.nodes()[id].graph != 0) id = model.graphs()[model.nodes()[id].graph].owner;
  return id;
}

class ConstantFinder {
 public:
  explicit ConstantFinder(const Model& model)
      : model_(model), has_body_(NodesWithBodies(model)), is_constant_(model.values().size()) {}

  std::vector<bool> Find() {
    for (ValueId id = 0; id < is_constant_.size(); ++id) {
      is_constant_[id] = model_.values()[id].is_initializer || model_.values()[id].is_sparse;
    }
    // Nodes mostly stand behind those that they read; where they do not, another round finds them.
    for (bool is_new = true; is_new;) {
      is_new = false;
      for (ValueId id = 0; id < is_constant_.size(); ++id) {
        if (is_constant_[id] || !FollowsFromConstants(model_.values()[id])) continue;
        is_constant_[id] = is_new = true;
      }
    }
    return std::move(is_constant_);
  }

 private:
  [[nodiscard]] bool FollowsFromConstants(const Value& value) const {
    if (value.graph != 0 || value.producer == kNone || has_body_[value.producer]) return false;
    const Node& node = model_.nodes()[value.producer];
    if (node.inputs.empty()) return node.op_type == "Constant";
    if (node.calls_function || node.op_type.starts_with("Random") || node.op_type == "Bernoulli" ||
        node.op_type == "Multinomial") {
      return false;
    }
    return std::ranges::all_of(node.input_values,
                               [&](ValueId id) { return id != kNone && is_constant_[id]; });
  }

  const Model& model_;
  std::vector<bool> has_body_;
  std::vector<bool> is_constant_;
};

class UnitFinder {
 public:
  UnitFinder(const Model& model, const Selection& selection, const std::set<TensorId>& non_finite)
      : model_(model),
        selection_(selection),
        selector_(selection, model),
        non_finite_(non_finite),
        types_(InferElementTypes(model)),
        is_constant_(ConstantValues(model)) {
    for (const Node& node : model.nodes()) ++names_[NameInPlans(node)];
    for (ValueId id = 0; id < model.values().size(); ++id) {
      if (model.values()[id].graph == 0) main_values_.emplace(model.values()[id].name, id);
    }
  }

  Units Find(std::span<const Form> forms) {
    for (const Form& form : forms) {
      if (form != kFloat32Form) Ask(form);
    }
    Units found;
    for (auto& [holder, unit] : units_) {
      unit.choices.push_back({kFloat32Form, NameOf(kFloat32Form), AsTheyAre(unit)});
      Describe(unit);
      if (unit.gives.empty()) {
        unplanned_.insert(unit.names.begin(), unit.names.end());
      } else {
        found.units.push_back(std::move(unit));
      }
    }
    found.unplanned.assign(unplanned_.begin(), unplanned_.end());
    return found;
  }

 private:
  struct Asked {
    std::string written;
    std::map<TensorId, std::uint64_t> stored;
  };

  // Notes what units there are when all nodes are asked to have the form.
  void Ask(const Form& form) {
    const Decisions decisions =
        Decide(model_, selection_, selector_, std::vector<Form>(model_.nodes().size(), form), non_finite_);
    std::map<NodeId, Asked> asked;  // by holder
    for (NodeId id = 0; id < decisions.size(); ++id) {
      const Edit* edit = EditOf(decisions, id);
      const Node& node = model_.nodes()[id];
      if (edit == nullptr || edit->weights.empty()) continue;
      const std::string name(NameInPlans(node));
      if (names_.at(name) > 1) {
        unplanned_.insert(name);
        continue;
      }
      const NodeId holder = Holder(model_, id);
      Unit& unit = units_[holder];
      unit.node = holder;
      if (std::ranges::find(unit.members, id) == unit.members.end()) {
        unit.members.push_back(id);
        unit.names.push_back(name);
      }
      if (unit.weight_dims.empty()) unit.weight_dims = model_.tensors()[edit->weights.front().tensor].dims;
      Asked& one = asked[holder];
      if (one.written.empty()) one.written = edit->form ? NameOf(edit->form->form) : kOnlyForm;
      for (const WeightRequest& weight : edit->weights) {
        one.stored[weight.tensor] = weight.bytes();
        weights_[id].insert(weight.tensor);
      }
    }
    for (const auto& [holder, one] : asked) {
      std::vector<Choice>& choices = units_[holder].choices;
      const bool is_known = std::ranges::find(choices, one.written, &Choice::written) != choices.end();
      if (!is_known) choices.push_back({form, one.written, one.stored});
    }
  }

  [[nodiscard]] std::map<TensorId, std::uint64_t> AsTheyAre(const Unit& unit) const {
    std::map<TensorId, std::uint64_t> stored;
    for (const NodeId id : unit.members) {
      for (const TensorId tensor : weights_.at(id)) {
        stored[tensor] = model_.tensors()[tensor].source.range.length;
      }
    }
    return stored;
  }

  void Describe(Unit& unit) const {
    const Node& node = model_.nodes()[unit.node];
    unit.op_type = node.op_type;
    unit.label = NameInPlans(node);
    std::set<ValueId> reads;
    for (const Node& other : model_.nodes()) {
      if (Holder(model_, other.id) != unit.node) continue;
      for (const ValueId id : other.input_values) {
        if (id != kNone && model_.values()[id].graph == 0 && !is_constant_[id]) reads.insert(id);
      }
    }
    unit.reads.assign(reads.begin(), reads.end());
    for (const std::string_view output : node.outputs) {
      const auto value = main_values_.find(output);
      if (output.empty() || value == main_values_.end()) continue;
      const DataType type = types_[value->second];
      // What nothing is known of is what the weights are of, mostly.
      if (IsFloatingPoint(type) || (type == DataType::kUndefined && unit.node == unit.members.front())) {
        unit.gives.push_back(value->second);
      }
    }
  }

  const Model& model_;
  const Selection& selection_;
  NodeSelector selector_;
  const std::set<TensorId>& non_finite_;
  std::vector<DataType> types_;
  std::vector<bool> is_constant_;
  std::map<std::string_view, std::size_t> names_;
  std::map<std::string_view, ValueId> main_values_;
  std::map<NodeId, Unit> units_;
  std::map<NodeId, std::set<TensorId>> weights_;  // of members
  std::set<std::string> unplanned_;
};

}  // namespace

std::vector<bool> ConstantValues(const Model& model) { return ConstantFinder(model).Find(); }

Units FindUnits(const Model& model, const Selection& selection, std::span<const Form> forms,
                const std::set<TensorId>& non_finite) {
  return UnitFinder(model, selection, non_finite).Find(forms);
}

std::vector<Form> FormsOfOne(const Model& model, const Unit& unit, const Choice& choice) {
  std::vector<Form> forms(model.nodes().size(), kFloat32Form);
  for (const NodeId id : unit.members) forms.at(id) = choice.form;
  return forms;
}

}  // namespace qi8::tune
