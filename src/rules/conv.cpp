// Conv(x, W, B) with a constant W [M, C/group, k..]: ConvInteger, a scale for each of the M output channels.
//
// ConvInteger knows one zero point for all channels, so the codes are symmetric int8, whatever was asked for.
// ONNX Runtime takes int8 there from 1.24 on; for older ones the same codes are written as uint8, 128 higher.

#include "rules/weights.hpp"

namespace qi8 {
namespace {

constexpr std::int64_t kShift = 128;

Operand AddShift(EditBuilder& edit) {
  return edit.AddCast(edit.AddConstant(Int64Tensor{{}, {kShift}}), DataType::kInt64, DataType::kUint8);
}

Decision PlanConv(const RuleContext& context, const Node& node) {
  const auto weight = ConstantWeight(context, node, 1);
  if (const auto* skip = std::get_if<Skip>(&weight)) return *skip;
  const auto& view = std::get<ConstantView>(weight);
  if (const auto skip = RequireOpset(context.model, kDynamicQuantizationOpset)) return *skip;
  const std::size_t rank = view.dims.size();
  if (rank < 3) return Skip{SkipReason::kShape, "rank " + std::to_string(rank)};

  // Scales broadcast against the output [batch, M, k..].
  std::vector<std::int64_t> by_channel(rank - 1, 1);
  by_channel[0] = view.dims[0];
  Scheme scheme = SymmetricInt8(context);
  const bool shifted = !context.selection.target.conv_takes_int8();
  if (shifted) scheme.type = WeightType::kShiftedInt8;
  WeightUse use{
      .input = 1, .own_scale = std::vector<bool>(rank, false), .scale_dims = by_channel, .scheme = scheme};
  use.own_scale[0] = true;
  const auto request = RequestWeight(context, view, use);
  if (const auto* skip = std::get_if<Skip>(&request)) return *skip;

  EditBuilder edit(context.model.onnx_opset());
  const auto w = edit.QuantizeWeight(std::get<WeightRequest>(request));
  const auto x = edit.QuantizeActivation(InputOf(node, 0), view.type);
  const Operand scale = edit.Add("Mul", {x.scale, w.scale});
  std::vector<Operand> inputs = {x.data, w.data, x.zero_point};
  if (shifted) inputs.push_back(AddShift(edit));
  const Operand sums = edit.AddInherited("ConvInteger", std::move(inputs));
  Operand result = edit.Add("Mul", {edit.AddCast(sums, DataType::kInt32, DataType::kFloat), scale});
  if (node.inputs.size() > 2 && !node.inputs[2].empty()) {
    by_channel[0] = -1;
    const Operand shape = edit.AddConstant(Int64Tensor{{static_cast<std::int64_t>(rank) - 1}, by_channel});
    const Operand bias = edit.AddCast(InputOf(node, 2), view.type, DataType::kFloat);
    result = edit.Add("Add", {result, edit.Add("Reshape", {bias, shape})});
  }
  edit.AddCast(result, DataType::kFloat, view.type);
  return edit.Take();
}

}  // namespace

extern const Rule kRuleOfConv = {
    .op_type = "Conv",
    .computed = ComputedForm{.weight_input = 1, .plan = &PlanConv},
    .stored = StoredForm{.inputs = {1}, .input_count = 1, .scaled_dims = 1},
};

}  // namespace qi8
