#include "plan/storing.hpp"

#include <algorithm>
#include <cstdint>
#include <set>

#include "rules/rule.hpp"

namespace qi8 {

std::vector<std::string> WorthStoring(const PlanReport& plan) {
  const std::vector<std::string> storable = StorableOperators();
  std::set<std::string> operators;
  std::set<std::size_t> weights;
  std::uint64_t bytes = 0;
  for (const NodeDecision& node : plan.nodes) {
    const bool nobody_asked = node.skip && (node.skip->reason == SkipReason::kOperatorNotSelected ||
                                            node.skip->reason == SkipReason::kNoRule);
    const bool could_be =
        nobody_asked && node.weight_number && std::ranges::find(storable, node.op_type) != storable.end();
    if (!could_be) continue;
    operators.insert(node.op_type);
    if (weights.insert(*node.weight_number).second) bytes += node.weight_bytes;
  }
  const std::uint64_t whole = plan.outputs.empty() ? plan.input_bytes() : plan.output_bytes();
  if (bytes <= whole / 2) return {};
  return {operators.begin(), operators.end()};
}

}  // namespace qi8
