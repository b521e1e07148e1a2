// Attention of com.microsoft with a constant weight [input hidden, 3 * hidden]: QAttention, a scale for each
// column, its input quantized by DynamicQuantizeLinear.

#include <algorithm>
#include <array>

#include "core/domains.hpp"
#include "rules/weights.hpp"

namespace qi8 {
namespace {

// Attention: input, weights, bias, mask_index, past; what comes behind these, QAttention does not know.
constexpr std::size_t kMask = 3, kPast = 4, kKnownInputs = 5;
constexpr auto kUnknownAttributes =
    std::to_array<std::string_view>({"qkv_hidden_sizes", "rotary_embedding_dim"});

Decision PlanAttention(const RuleContext& context, const Node& node) {
  const auto weight = ConstantWeight(context, node, 1);
  if (const auto* skip = std::get_if<Skip>(&weight)) return *skip;
  const auto& view = std::get<ConstantView>(weight);
  if (const auto skip = RequireOpset(context.model, kDynamicQuantizationOpset)) return *skip;
  if (view.type != DataType::kFloat) return Skip{SkipReason::kType, DataTypeName(view.type)};
  if (view.dims.size() != 2) return Skip{SkipReason::kShape, "rank " + std::to_string(view.dims.size())};
  for (std::size_t i = kKnownInputs; i < node.inputs.size(); ++i) {
    if (!node.inputs[i].empty())
      return Skip{SkipReason::kShape, "QAttention does not have all of its inputs"};
  }
  if (node.inputs.size() <= 2 || node.inputs[2].empty())
    return Skip{SkipReason::kShape, "it has no bias, which QAttention needs"};
  for (const std::string_view attribute : kUnknownAttributes) {
    if (context.model.HasAttribute(node, attribute)) {
      return Skip{SkipReason::kShape, "QAttention has no attribute " + std::string(attribute)};
    }
  }
  const auto request = RequestWeight(context, view,
                                     {.input = 1,
                                      .own_scale = {false, true},
                                      .scale_dims = {view.dims[1]},
                                      .scheme = SymmetricInt8(context)});
  if (const auto* skip = std::get_if<Skip>(&request)) return *skip;

  EditBuilder edit(context.model.onnx_opset());
  const auto w = edit.QuantizeWeight(std::get<WeightRequest>(request));
  const Operand zero = edit.AddZeros({});
  const auto x = edit.QuantizeActivation(InputOf(node, 0), view.type);
  edit.AddMicrosoftForm("QAttention", {x.data, w.data, InputOf(node, 2), x.scale, w.scale,
                                       InputOf(node, kMask), x.zero_point, zero, InputOf(node, kPast)});
  return edit.Take();
}

}  // namespace

extern const Rule kRuleOfAttention = {
    .op_type = "Attention",
    .domain = kMicrosoftDomain,
    .computed = ComputedForm{.weight_input = 1, .plan = &PlanAttention},
};

}  // namespace qi8
