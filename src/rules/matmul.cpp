// MatMul(x, B) with a constant B [K, N]: the integer product, a scale for each of the N output channels. A
// batch of matrices B [D.., K, N] has a scale for each channel of each matrix, [D.., 1, N].

#include "rules/weights.hpp"

namespace qi8 {

Decision PlanMatMul(const RuleContext& context, const Node& node) {
  const auto weight = ConstantWeight(context, node, 1);
  if (const auto* skip = std::get_if<Skip>(&weight)) return *skip;
  const ConstantView& view = std::get<ConstantView>(weight);
  if (const auto skip = RequireOpset(context.model, 1)) return *skip;
  const std::size_t rank = view.dims.size();
  if (rank < 2) return Skip{SkipReason::kShape, "rank " + std::to_string(rank)};

  WeightUse use{.input = 1, .own_scale = std::vector<bool>(rank, true), .scale_dims = {view.dims[rank - 1]}};
  use.own_scale[rank - 2] = false;
  if (rank > 2) {
    use.scale_dims = view.dims;
    use.scale_dims[rank - 2] = 1;
  }
  const auto request = RequestWeight(context, view, use);
  if (const auto* skip = std::get_if<Skip>(&request)) return *skip;

  EditBuilder edit(context);
  const auto w = edit.QuantizeWeight(std::get<WeightRequest>(request));
  const Operand product = edit.AddProduct(NameOperand{std::string(node.inputs[0])}, view.type, w);
  edit.AddCast(product, DataType::kFloat, view.type);
  return edit.Take();
}

}  // namespace qi8
