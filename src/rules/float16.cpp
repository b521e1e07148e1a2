// The form `float16`: the node computes as before, with weights that are stored as float16 and cast to the
// type that they had. ONNX Runtime does the Cast when it loads the model.

#include <algorithm>

#include "rules/weights.hpp"

namespace qi8 {
namespace {

std::variant<WeightRequest, Skip> RequestFloat16(const RuleContext& context, const Node& node,
                                                 std::size_t input) {
  const auto weight = ConstantWeight(context, node, input);
  if (const auto* skip = std::get_if<Skip>(&weight)) return *skip;
  const auto& view = std::get<ConstantView>(weight);
  const DataType stored = context.model.tensors()[view.tensor].type;
  if (stored != DataType::kFloat && stored != DataType::kDouble) {
    return Skip{SkipReason::kType, DataTypeName(stored) + ", for the form float16"};
  }
  // One scale for all, so that any view of the weight can be had.
  auto request = RequestWeight(context, view,
                               {.input = input,
                                .own_scale = std::vector<bool>(view.dims.size(), false),
                                .scale_dims = {},
                                .one_scale = true});
  if (auto* wanted = std::get_if<WeightRequest>(&request)) {
    wanted->encoding = Encoding::Float16(wanted->encoding.shape.elements());
  }
  return request;
}

}  // namespace

Decision PlanFloat16(const RuleContext& context, const Node& node) {
  EditBuilder edit(context.model.onnx_opset());
  std::vector<Operand> inputs;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) inputs.push_back(InputOf(node, i));
  std::optional<Skip> first_skip;
  bool any = false;
  for (const std::size_t input : WeightInputs(node)) {
    auto request = RequestFloat16(context, node, input);
    if (const auto* skip = std::get_if<Skip>(&request)) {
      if (!first_skip) first_skip = *skip;
      continue;
    }
    const DataType type = std::get<ConstantView>(ViewConstant(context.model, node.input_values[input])).type;
    const auto w = edit.QuantizeWeight(std::get<WeightRequest>(std::move(request)));
    inputs[input] = edit.AddCast(w.data, DataType::kFloat16, type);
    any = true;
  }
  if (!any) return first_skip.value_or(Skip{SkipReason::kNotConstant, ""});
  edit.AddTheNodeItself(node, std::move(inputs));
  edit.SetForm({{FormKind::kFloat16}, ""});
  return edit.Take();
}

}  // namespace qi8
