#include "rules/rule.hpp"

#include <algorithm>

namespace qi8 {

#define QI8_RULE(op) extern const Rule kRuleOf##op;
#include "rules/rules.def"
#undef QI8_RULE

std::span<const Rule* const> AllRules() {
  static constexpr auto kRules = std::to_array<const Rule*>({
#define QI8_RULE(op) &kRuleOf##op,
#include "rules/rules.def"
#undef QI8_RULE
  });
  return kRules;
}

const Rule* FindRule(const Node& node) {
  const auto found = std::ranges::find_if(AllRules(), [&node](const Rule* rule) {
    return rule->domain == node.domain && rule->op_type == node.op_type;
  });
  return found == AllRules().end() ? nullptr : *found;
}

std::vector<std::string> ComputedOperators() {
  std::vector<std::string> names;
  for (const Rule* rule : AllRules()) {
    if (rule->computed && rule->selected_as.empty()) names.emplace_back(rule->op_type);
  }
  return names;
}

std::span<const std::size_t> StorableInputs(const Node& node) {
  const Rule* const rule = FindRule(node);
  if (rule == nullptr || !rule->stored) return {};
  return std::span(rule->stored->inputs).first(rule->stored->input_count);
}

std::vector<std::size_t> WeightInputs(const Node& node) {
  const auto stored = StorableInputs(node);
  std::vector<std::size_t> inputs(stored.begin(), stored.end());
  const Rule* const rule = FindRule(node);
  if (rule == nullptr || !rule->computed) return inputs;
  const std::size_t input = rule->computed->weight_input;
  if (std::ranges::find(inputs, input) == inputs.end()) inputs.push_back(input);
  return inputs;
}

std::vector<std::string> StorableOperators() {
  std::vector<std::string> names;
  for (const Rule* rule : AllRules()) {
    if (rule->stored) names.emplace_back(rule->op_type);
  }
  return names;
}

}  // namespace qi8
