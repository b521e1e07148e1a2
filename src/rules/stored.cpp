// Operators that gain nothing from INT8 arithmetic, with their weights stored as INT8 and restored when the
// model is loaded:
//   Mul( Cast(W_q), W_scale ) -> the operator as it was
// ONNX Runtime computes that once and keeps the result, so the file is a quarter and the speed that of
// before. (It does not do so for a DequantizeLinear.)

#include "rules/weights.hpp"

namespace qi8 {
Decision PlanStored(const RuleContext& context, const Node& node) {
  if (const auto skip = RequireOpset(context.model, kBroadcastingOpset)) return *skip;
  const StoredForm& form = FindRule(node)->stored.value();
  EditBuilder edit(context.model.onnx_opset());
  std::vector<Operand> inputs;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) inputs.push_back(InputOf(node, i));
  std::optional<Skip> first_skip;
  bool any = false;
  for (const std::size_t input : StorableInputs(node)) {
    const auto weight = ConstantWeight(context, node, input);
    if (const auto* skip = std::get_if<Skip>(&weight)) {
      if (!first_skip) first_skip = *skip;
      continue;
    }
    const auto& view = std::get<ConstantView>(weight);
    if (view.dims.size() <= form.scaled_dims) {
      if (!first_skip) first_skip = Skip{SkipReason::kShape, "rank " + std::to_string(view.dims.size())};
      continue;
    }
    WeightUse use{.input = input, .own_scale = {}, .scale_dims = view.dims};
    for (std::size_t d = 0; d < view.dims.size(); ++d) {
      use.own_scale.push_back(d < form.scaled_dims);
      if (!use.own_scale[d]) use.scale_dims[d] = 1;
    }
    auto request = RequestWeight(context, view, use);
    if (const auto* skip = std::get_if<Skip>(&request)) {
      if (!first_skip) first_skip = *skip;
      continue;
    }
    const auto w = edit.QuantizeWeight(std::get<WeightRequest>(std::move(request)));
    inputs[input] =
        edit.AddCast(edit.AddDequantized(w.data, w.zero_point, w.scale), DataType::kFloat, view.type);
    any = true;
  }
  if (!any) return first_skip.value_or(Skip{SkipReason::kNotConstant, ""});
  edit.AddTheNodeItself(node, std::move(inputs));
  return edit.Take();
}

}  // namespace qi8
