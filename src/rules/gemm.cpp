// Gemm(A, B, C) = alpha * A' * B' + beta * C with a constant B: the integer product, a scale for each output
// channel.
//
// alpha goes into the scales of B, transB is undone while B is quantized, transA becomes a Transpose before
// the product. beta becomes a Mul of C, which the runtime folds where C is constant; beta = 0 drops C, as
// Gemm defines.

#include "rules/gemm.hpp"

#include "forms/product.hpp"

namespace qi8 {

std::variant<GemmResult, Skip> AddGemm(EditBuilder& edit, const RuleContext& context, const Node& node) {
  const Model& model = context.model;
  const auto weight = ConstantWeight(context, node, 1);
  if (const auto* skip = std::get_if<Skip>(&weight)) return NoWeightOfProduct(context, node, *skip);
  ConstantView view = std::get<ConstantView>(weight);
  if (view.dims.size() != 2) return Skip{SkipReason::kShape, "rank " + std::to_string(view.dims.size())};
  if (const auto skip = RequireOpset(model, kBroadcastingOpset)) return *skip;
  if (model.IntAttribute(node, "transB", 0) != 0) {
    std::swap(view.dims[0], view.dims[1]);
    std::swap(view.strides[0], view.strides[1]);
  }
  auto request = RequestWeight(context, view,
                               {.input = 1,
                                .own_scale = {false, true},
                                .scale_dims = {view.dims[1]},
                                .scale_factor = model.FloatAttribute(node, "alpha", 1)});
  if (const auto* skip = std::get_if<Skip>(&request)) return *skip;
  const bool a_is_turned = model.IntAttribute(node, "transA", 0) != 0;
  std::get<WeightRequest>(request).factor = MatrixFactor{0, a_is_turned, view.dims, view.strides};

  Operand a = InputOf(node, 0);
  ActivationRange range = context.RangeOf(node.input_values[0]);
  if (a_is_turned) {
    range = ActivationRange::kUnknown;  // what is known of it is true of its rows
    a = edit.Add("Transpose", {a}, {{"perm", std::vector<std::int64_t>{1, 0}}});
  }
  Operand result = AddProduct(edit, {.x = a,
                                     .type = view.type,
                                     .weight = std::get<WeightRequest>(std::move(request)),
                                     .form = context.FormOf(node),
                                     .runtime_has_blocks = context.selection.target.has_blocks(),
                                     .range = range});

  const float beta = model.FloatAttribute(node, "beta", 1);
  if (node.inputs.size() > 2 && !node.inputs[2].empty() && beta != 0) {
    Operand c = edit.AddCast(InputOf(node, 2), view.type, DataType::kFloat);
    if (beta != 1) c = edit.Add("Mul", {c, edit.AddConstant(beta)});
    result = edit.Add("Add", {result, c});
  }
  return GemmResult{result, view.type};
}

namespace {

Decision PlanGemm(const RuleContext& context, const Node& node) {
  EditBuilder edit(context.model.onnx_opset());
  const auto product = AddGemm(edit, context, node);
  if (const auto* skip = std::get_if<Skip>(&product)) return *skip;
  const auto& [value, type] = std::get<GemmResult>(product);
  edit.AddCast(value, DataType::kFloat, type);
  return edit.Take();
}

}  // namespace

extern const Rule kRuleOfGemm = {
    .op_type = "Gemm",
    .computed = ComputedForm{.weight_input = 1, .plan = &PlanGemm},
};

}  // namespace qi8
