// Graphs that no order of execution fits.
#pragma once

#include <optional>
#include <span>

#include "model/model.hpp"

namespace qi8 {

// A node that, through whatever others, needs its own output; nothing where there is none. What a body reads
// from the graphs around it, the node that it belongs to needs. Linear in nodes and inputs.
[[nodiscard]] std::optional<NodeId> FindCycle(std::span<const Graph> graphs, std::span<const Node> nodes,
                                              std::span<const Value> values);

}  // namespace qi8
