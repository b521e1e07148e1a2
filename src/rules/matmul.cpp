// MatMul(x, B) with a constant B [K, N]: the integer product, a scale for each of the N output channels. A
// batch of matrices B [D.., K, N] has a scale for each channel of each matrix: [D.., 1, N] against a product
// [D.., M, N], but [D.., N] against the product [D.., N] of a vector x. Zero points go into the integer
// product and have the form [D.., 1, N] for both.
//
// A constant on the left, A [M, K], is the one on the right of the transposed product: A x = (x' A')'.
// (Integer products of ONNX Runtime take an int8 matrix on the right only.) Where both are activations and
// that was asked for, both are quantized when the model runs.

#include <numeric>

#include "forms/product.hpp"
#include "rules/weights.hpp"

namespace qi8 {
namespace {

// Swaps the last two of `rank` dimensions.
std::vector<NewAttribute> Turn(std::size_t rank) {
  std::vector<std::int64_t> perm(rank);
  std::iota(perm.begin(), perm.end(), 0);
  std::swap(perm[rank - 1], perm[rank - 2]);
  return {{"perm", perm}};
}

Decision PlanConstantOnTheLeft(const RuleContext& context, const Node& node, ConstantView view) {
  if (const auto skip = RequireOpset(context.model, 1)) return *skip;
  if (view.dims.size() != 2) {
    return Skip{SkipReason::kShape, "it is the left factor, of rank " + std::to_string(view.dims.size())};
  }
  const auto rank = context.model.values()[node.input_values[1]].rank;
  if (!rank)
    return Skip{SkipReason::kShape, "it is the left factor, and the rank of the right one is not declared"};
  if (*rank < 2) return Skip{SkipReason::kShape, "it is the left factor, and the right one is a vector"};
  std::swap(view.dims[0], view.dims[1]);
  std::swap(view.strides[0], view.strides[1]);
  auto request =
      RequestWeight(context, view, {.input = 0, .own_scale = {false, true}, .scale_dims = {view.dims[1]}});
  if (const auto* skip = std::get_if<Skip>(&request)) return *skip;
  std::get<WeightRequest>(request).factor = MatrixFactor{1, true, view.dims, view.strides};
  EditBuilder edit(context.model.onnx_opset());
  const Operand x = edit.Add("Transpose", {InputOf(node, 1)}, Turn(*rank));
  const Operand product = AddProduct(edit, {.x = x,
                                            .type = view.type,
                                            .weight = std::get<WeightRequest>(std::move(request)),
                                            .form = context.FormOf(node),
                                            .runtime_has_blocks = context.selection.target.has_blocks()});
  edit.Add("Transpose", {edit.AddCast(product, DataType::kFloat, view.type)}, Turn(*rank));
  return edit.Take();
}

Decision PlanTwoActivations(const RuleContext& context, const Node& node) {
  if (const auto skip = RequireOpset(context.model, kDynamicQuantizationOpset)) return *skip;
  const DataType type = context.element_types.at(node.input_values[0]);
  if (type != context.element_types.at(node.input_values[1]) || !IsFloatingPoint(type)) {
    return Skip{SkipReason::kType, type == DataType::kUndefined ? "the type of the activations is not known"
                                                                : DataTypeName(type)};
  }
  EditBuilder edit(context.model.onnx_opset());
  const auto a = edit.QuantizeActivation(InputOf(node, 0), type);
  const auto b = edit.QuantizeActivation(InputOf(node, 1), type);
  const Operand scale = edit.Add("Mul", {a.scale, b.scale});
  const Operand sums = edit.Add("MatMulInteger", {a.data, b.data, a.zero_point, b.zero_point});
  const Operand real = edit.AddCast(sums, DataType::kInt32, DataType::kFloat);
  edit.AddCast(edit.Add("Mul", {real, scale}), DataType::kFloat, type);
  return edit.Take();
}

// The rank that the value has whenever the model runs. Only what a caller gives is held to its declaration; a
// wrong one of any other value is a warning of the runtime, and no more.
std::optional<std::size_t> CertainRank(const Model& model, ValueId id) {
  if (id == kNone) return std::nullopt;
  if (const auto constant = model.Constant(id)) return constant->dims.size();
  const Value& value = model.values()[id];
  return value.is_graph_input && value.graph == 0 ? value.rank : std::nullopt;
}

Decision PlanMatMul(const RuleContext& context, const Node& node) {
  const auto weight = ConstantWeight(context, node, 1);
  if (const auto* skip = std::get_if<Skip>(&weight)) {
    if (skip->reason != SkipReason::kNotConstant || node.input_values.size() != 2 ||
        node.input_values[0] == kNone || node.input_values[1] == kNone) {
      return *skip;
    }
    const auto left = ConstantWeight(context, node, 0);
    if (const auto* view = std::get_if<ConstantView>(&left))
      return PlanConstantOnTheLeft(context, node, *view);
    if (context.selection.matmul_const_b_only) return NoWeightOfProduct(context, node, *skip);
    return PlanTwoActivations(context, node);
  }
  const auto& view = std::get<ConstantView>(weight);
  if (const auto skip = RequireOpset(context.model, 1)) return *skip;
  const std::size_t rank = view.dims.size();
  if (rank < 2) return Skip{SkipReason::kShape, "rank " + std::to_string(rank)};

  WeightUse use{.input = 1, .own_scale = std::vector<bool>(rank, true), .scale_dims = {view.dims[rank - 1]}};
  use.own_scale[rank - 2] = false;
  // DynamicQuantizeMatMul applies the scales itself, in the form of the weight.
  const bool broadcasts = rank > 2 && context.model.onnx_opset() >= kDynamicQuantizationOpset;
  const auto x_rank = CertainRank(context.model, node.input_values[0]);
  if (rank > 2) {
    use.scale_dims = view.dims;
    use.scale_dims[rank - 2] = 1;
    if (broadcasts && x_rank == 1U) {
      use.zero_point_dims = use.scale_dims;
      use.scale_dims.erase(use.scale_dims.end() - 2);
    }
  }
  auto request = RequestWeight(context, view, use);
  if (const auto* skip = std::get_if<Skip>(&request)) return *skip;
  std::get<WeightRequest>(request).factor = MatrixFactor{0, false, view.dims, view.strides};

  EditBuilder edit(context.model.onnx_opset());
  const Operand product = AddProduct(edit, {.x = InputOf(node, 0),
                                            .type = view.type,
                                            .weight = std::get<WeightRequest>(std::move(request)),
                                            .form = context.FormOf(node),
                                            .runtime_has_blocks = context.selection.target.has_blocks(),
                                            .range = context.RangeOf(node.input_values[0]),
                                            .scales_follow_rank = broadcasts && !x_rank});
  edit.AddCast(product, DataType::kFloat, view.type);
  return edit.Take();
}

}  // namespace

extern const Rule kRuleOfMatMul = {
    .op_type = "MatMul",
    .computed = ComputedForm{.weight_input = 1, .plan = &PlanMatMul},
};

}  // namespace qi8
