// What becomes of each node: the rules are asked, one node after the other, and their answers checked.
#pragma once

#include <optional>
#include <set>
#include <vector>

#include "edit/edit.hpp"
#include "model/model.hpp"
#include "plan/selection.hpp"
#include "qi8/options.hpp"

namespace qi8 {

using Decisions = std::vector<std::optional<Decision>>;  // by NodeId; nothing: no rule knows the operator

// `forms` are by NodeId, as asked for. Weights of `non_finite` stay as they are.
[[nodiscard]] Decisions Decide(const Model& model, const Selection& selection, const NodeSelector& selector,
                               std::vector<Form> forms, std::set<TensorId> non_finite);

// The node's edit; null where it stays as it is.
[[nodiscard]] const Edit* EditOf(const Decisions& decisions, NodeId id);

// All of them, in the order of the graph.
[[nodiscard]] std::vector<const Edit*> EditsOf(const Decisions& decisions);

// Whether the node has an output that another could read besides its first.
[[nodiscard]] bool HasMoreOutputs(const Node& node);

// By NodeId: whether a graph is its body. No operator with a rule has one, but a file may say so.
[[nodiscard]] std::vector<bool> NodesWithBodies(const Model& model);

}  // namespace qi8
