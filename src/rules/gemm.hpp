// The product of a Gemm, for the operators that do more with it.
#pragma once

#include <variant>

#include "rules/weights.hpp"

namespace qi8 {

struct GemmResult {
  Operand value;  // alpha * A' * B' + beta * C, in float32
  DataType type;  // that the operator is to give
};

// Adds the node's product with a constant B, read as Gemm defines its inputs and attributes, to the edit.
[[nodiscard]] std::variant<GemmResult, Skip> AddGemm(EditBuilder& edit, const RuleContext& context,
                                                     const Node& node);

}  // namespace qi8
