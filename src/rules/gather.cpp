// Gather(table, indices) with a constant table, an embedding: rows of the INT8 table times rows of its
// scales.
//
// The scales keep the table's rank, with a dimension of 1 where elements share one, so that the gathered
// scales broadcast against the gathered rows whatever the rank of the indices: table [V, H] on axis 0 has
// scales [V, 1].

#include <algorithm>

#include "rules/weights.hpp"

namespace qi8 {
namespace {

// Whether a product wants the table with a scale for each column, [1, V, H]: then one copy serves both.
bool SharedByColumns(const RuleContext& context, const WeightRequest& by_rows) {
  const ChannelShape by_columns{1, by_rows.encoding.shape.groups, by_rows.encoding.shape.reduced};
  const auto [first, last] = context.settled_shapes.equal_range(by_rows.tensor);
  return std::any_of(first, last, [&](const auto& settled) { return settled.second == by_columns; }) &&
         std::none_of(first, last,
                      [&](const auto& settled) { return settled.second == by_rows.encoding.shape; });
}

Decision PlanGather(const RuleContext& context, const Node& node) {
  const auto weight = ConstantWeight(context, node, 0);
  if (const auto* skip = std::get_if<Skip>(&weight)) return *skip;
  if (node.inputs.size() < 2 || node.inputs[1].empty())
    return Skip{SkipReason::kNotConstant, "it has no indices"};
  if (const auto skip = RequireOpset(context.model, kBroadcastingOpset)) return *skip;
  const auto& view = std::get<ConstantView>(weight);
  const auto rank = static_cast<std::int64_t>(view.dims.size());
  if (rank < 2) return Skip{SkipReason::kShape, "rank " + std::to_string(rank)};
  const std::int64_t stated_axis = context.model.IntAttribute(node, "axis", 0);
  const std::int64_t axis = stated_axis < 0 ? stated_axis + rank : stated_axis;
  if (axis < 0 || axis >= rank) return Skip{SkipReason::kShape, "axis " + std::to_string(stated_axis)};

  // A scale for each row of the last dimension; where that is the one gathered from, for each of its
  // elements.
  const auto by_elements = axis == rank - 1;
  WeightUse use{
      .input = 0, .own_scale = std::vector<bool>(view.dims.size(), !by_elements), .scale_dims = view.dims};
  use.own_scale.back() = by_elements;
  for (std::size_t d = 0; d < view.dims.size(); ++d) {
    if (!use.own_scale[d]) use.scale_dims[d] = 1;
  }
  auto request = RequestWeight(context, view, use);
  if (const auto* skip = std::get_if<Skip>(&request)) return *skip;
  const bool by_columns =
      rank == 2 && axis == 0 && SharedByColumns(context, std::get<WeightRequest>(request));
  if (by_columns) {
    request =
        RequestWeight(context, view, {.input = 0, .own_scale = {false, true}, .scale_dims = {view.dims[1]}});
  }

  EditBuilder edit(context.model.onnx_opset());
  const auto w = edit.QuantizeWeight(std::get<WeightRequest>(request));
  const Operand indices = InputOf(node, 1);
  const std::vector<NewAttribute> along = {{"axis", axis}};
  const bool one_for_all_rows = by_columns || w.has_one_scale;
  const auto of_rows = [&](const Operand& parameters) {
    return one_for_all_rows ? parameters : edit.Add("Gather", {parameters, indices}, along);
  };
  const Operand scales = of_rows(w.scale);
  const auto zero_points = w.zero_point ? std::optional(of_rows(*w.zero_point)) : std::nullopt;
  const Operand rows = edit.Add("Gather", {w.data, indices}, along);
  edit.AddCast(edit.AddDequantized(rows, zero_points, scales), DataType::kFloat, view.type);
  return edit.Take();
}

}  // namespace

extern const Rule kRuleOfGather = {
    .op_type = "Gather",
    .computed = ComputedForm{.weight_input = 0, .can_choose_shape = true, .plan = &PlanGather},
};

}  // namespace qi8
