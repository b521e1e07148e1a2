#include "compare/saturation_note.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace qi8::compare {
namespace {

// Operators that multiply codes of activations, which are uint8, by those of weights.
constexpr std::array<std::string_view, 9> kProductsOfCodes = {
    "ConvInteger",   "DynamicQuantizeLSTM",  "DynamicQuantizeMatMul",
    "MatMulInteger", "MatMulIntegerToFloat", "QAttention",
    "QGemm",         "QLinearConv",          "QLinearMatMul"};

// A weight; zero points have fewer dimensions.
bool IsInt8Weight(const Model& model, ValueId value) {
  const auto constant = model.Constant(value);
  return constant && constant->type == DataType::kInt8 && constant->dims.size() >= 2;
}

}  // namespace

bool MultipliesInt8(const Model& model) {
  return std::ranges::any_of(model.nodes(), [&](const Node& node) {
    return std::ranges::find(kProductsOfCodes, node.op_type) != kProductsOfCodes.end() &&
           std::ranges::any_of(node.input_values,
                               [&](ValueId value) { return value != kNone && IsInt8Weight(model, value); });
  });
}

std::string SaturationNote() {
  return "this processor has no VNNI, so sums of products of uint8 by int8 saturate on it, and fidelity is "
         "lower "
         "here than elsewhere; --weight-type uint8 writes weights whose products are exact on every "
         "processor";
}

}  // namespace qi8::compare
