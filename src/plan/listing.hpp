// What a plan says of every weight, for people: a line for each use of one, quantized or not, and why not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "model/model.hpp"
#include "plan/decide.hpp"
#include "plan/selection.hpp"
#include "qi8/report.hpp"
#include "rules/rule.hpp"

namespace qi8 {

// What planning came to.
struct PlanningOutcome {
  const Decisions& decisions;
  const std::vector<ValueId>& tensor_values;  // by TensorId: the value whose contents it is
  const std::set<ValueId>& removed;           // values that the output no longer has
};

// In the order of the graph; then numbers that no node reads.
[[nodiscard]] std::vector<NodeDecision> ListWeights(const Model& model, const NodeSelector& selector,
                                                    const PlanningOutcome& outcome);

// Nodes that compute with, or restore, numbers of few bits already.
[[nodiscard]] std::size_t CountQuantizedNodes(const Model& model);

}  // namespace qi8
