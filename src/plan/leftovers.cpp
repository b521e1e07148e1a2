#include "plan/leftovers.hpp"

#include <algorithm>

#include "edit/constant_view.hpp"
#include "plan/decide.hpp"

namespace qi8 {

Leftovers::Leftovers(const Model& model, const Selection& selection)
    : model_(model), selection_(selection), has_body_(NodesWithBodies(model)) {
  uses_.reserve(model.values().size());
  for (const Value& value : model.values()) uses_.push_back(value.uses);
}

void Leftovers::RemoveUse(ValueId value) {
  if (value == kNone) return;
  --uses_.at(value);
  if (uses_[value] == 0) unused_.push_back(value);
}

void Leftovers::AddUse(ValueId value) {
  if (value != kNone) ++uses_.at(value);
}

void Leftovers::Remove(Rewrite& rewrite) {
  while (!unused_.empty()) {
    const ValueId id = unused_.back();
    unused_.pop_back();
    const Value& value = model_.values()[id];
    if (uses_[id] != 0 || !removed_.insert(id).second) continue;
    if (value.producer == kNone) {
      if (MayRemove(value)) rewrite.removed_initializers.push_back(id);
      continue;
    }
    const Node& node = model_.nodes()[value.producer];
    const bool is_constant = node.domain.empty() && node.op_type == "Constant" && !HasMoreOutputs(node);
    if (has_body_[value.producer] || !(is_constant || IsViewOperator(node))) continue;
    rewrite.replacements.push_back({.node = value.producer, .nodes = {}});
    for (const ValueId input : node.input_values) RemoveUse(input);
  }
  std::ranges::sort(rewrite.removed_initializers);
}

bool Leftovers::MayRemove(const Value& value) const {
  if (!value.is_initializer) return false;
  return !value.is_graph_input || (selection_.override_inputs && value.graph == 0 && value.tensor != kNone);
}

}  // namespace qi8
