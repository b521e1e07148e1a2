// FusedGemm(A, B, C) of com.microsoft, as ONNX Runtime's optimizer makes it of a Gemm and the activation
// behind it: the integer product of the Gemm, then the activation as an operator of its own again. The
// attributes `activation_alpha`, `activation_beta` and `activation_gamma` are those of the activation.

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "core/domains.hpp"
#include "rules/gemm.hpp"

namespace qi8 {
namespace {

// Those that the optimizer fuses; all are operators of ai.onnx that every opset with a Gemm like this has.
constexpr auto kActivations =
    std::to_array<std::string_view>({"Elu", "HardSigmoid", "LeakyRelu", "Relu", "Selu", "Sigmoid", "Softplus",
                                     "Softsign", "Tanh", "ThresholdedRelu"});

std::vector<NewAttribute> ActivationAttributes(const Model& model, const Node& node) {
  std::vector<NewAttribute> attributes;
  for (const char* name : {"alpha", "beta", "gamma"}) {
    const std::string fused = std::string("activation_") + name;
    if (model.HasAttribute(node, fused)) {
      attributes.push_back({name, model.FloatAttribute(node, fused, 0)});
    }
  }
  return attributes;
}

Decision PlanFusedGemm(const RuleContext& context, const Node& node) {
  const std::string activation = context.model.TextAttribute(node, "activation");
  if (std::ranges::find(kActivations, activation) == kActivations.end()) {
    return Skip{SkipReason::kShape, "activation '" + activation + "'"};
  }
  EditBuilder edit(context.model.onnx_opset());
  const auto product = AddGemm(edit, context, node);
  if (const auto* skip = std::get_if<Skip>(&product)) return *skip;
  const auto& [value, type] = std::get<GemmResult>(product);
  const Operand result = edit.Add(activation, {value}, ActivationAttributes(context.model, node));
  edit.AddCast(result, DataType::kFloat, type);
  return edit.Take();
}

}  // namespace

extern const Rule kRuleOfFusedGemm = {
    .op_type = "FusedGemm",
    .domain = kMicrosoftDomain,
    .selected_as = "Gemm",
    .computed = ComputedForm{.weight_input = 1, .plan = &PlanFusedGemm},
};

}  // namespace qi8
