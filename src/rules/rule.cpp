#include "rules/rule.hpp"

#include <algorithm>
#include <array>

namespace qi8 {

#define QI8_RULE(op, ...) Decision Plan##op(const RuleContext& context, const Node& node);
#include "rules/rules.def"
#undef QI8_RULE

std::span<const Rule> AllRules() {
  static constexpr auto kRules = std::to_array<Rule>({
#define QI8_RULE(op, domain, weight_input, on_by_default, can_choose_shape) \
  {#op, domain, weight_input, on_by_default, can_choose_shape, &Plan##op},
#include "rules/rules.def"
#undef QI8_RULE
  });
  return kRules;
}

const Rule* FindRule(std::string_view op_type) {
  const auto rules = AllRules();
  const auto found = std::ranges::find(rules, op_type, &Rule::op_type);
  return found == rules.end() ? nullptr : &*found;
}

const Rule* FindRule(const Node& node) {
  const Rule* rule = FindRule(node.op_type);
  return rule != nullptr && rule->domain == node.domain ? rule : nullptr;
}

}  // namespace qi8
