// What a quantized node adds to the graph's own text.
#pragma once

#include <cstdint>

#include "model/model.hpp"
#include "rules/rule.hpp"

namespace qi8 {

// The bytes by which the model's file grows where the nodes and initializers of `edit` stand for `node`,
// apart from codes, scales and zero points themselves. It is an estimate, good to a tenth: the names that are
// allocated later may have a number behind them. Shared nodes are left out, as all products of one
// activation have them together.
[[nodiscard]] std::int64_t GraphGrowth(const Model& model, const Node& node, const Edit& edit);

}  // namespace qi8
