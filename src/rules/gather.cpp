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

// Mul broadcasts from opset 7 on.
constexpr std::int64_t kBroadcastingOpset = 7;

}  // namespace

Decision PlanGather(const Model& model, const Node& node) {
  const auto weight = ConstantWeight(model, node, 0);
  if (const auto* skip = std::get_if<Skip>(&weight)) return *skip;
  if (const auto skip = RequireOpset(model, kBroadcastingOpset)) return *skip;
  const TensorId id = std::get<TensorId>(weight);
  const Tensor& table = model.tensors()[id];
  const auto rank = static_cast<std::int64_t>(table.dims.size());
  if (rank < 2) return Skip{SkipReason::kShape, "rank " + std::to_string(rank)};
  const std::int64_t stated_axis = model.IntAttribute(node, "axis", 0);
  const std::int64_t axis = stated_axis < 0 ? stated_axis + rank : stated_axis;
  if (axis < 0 || axis >= rank) return Skip{SkipReason::kShape, "axis " + std::to_string(stated_axis)};

  // A scale for each row of the last dimension; where that is the one gathered from, for each of its
  // elements.
  const auto last = static_cast<std::uint64_t>(table.dims.back());
  const std::uint64_t rows = table.elements / last;
  std::vector<std::int64_t> scale_dims = table.dims;
  ChannelShape shape{rows, last, 1};
  if (axis == rank - 1) {
    shape = {1, rows, last};
    std::fill(scale_dims.begin(), scale_dims.end() - 1, 1);
  } else {
    scale_dims.back() = 1;
  }

  EditBuilder edit;
  const auto w =
      edit.QuantizeWeight({.tensor = id, .shape = shape, .dims = table.dims, .scale_dims = scale_dims});
  const Operand indices = NameOperand{std::string(node.inputs[1])};
  const std::vector<NewAttribute> along = {{"axis", axis}};
  const Operand scales = edit.Add("Gather", {w.scale, indices}, along);
  const Operand rows_int8 = edit.Add("Gather", {w.data, indices}, along);
  const Operand rows_real =
      edit.Add("Cast", {rows_int8}, {{"to", static_cast<std::int64_t>(DataType::kFloat)}});
  edit.Add("Mul", {rows_real, scales});
  return edit.Take();
}

}  // namespace qi8
