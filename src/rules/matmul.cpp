// MatMul(x, B) with a constant B [K, N]: the integer product, a scale for each of the N output channels. A
// batch of matrices B [D.., K, N] has a scale for each channel of each matrix, [D.., 1, N].

#include "rules/weights.hpp"

namespace qi8 {

Decision PlanMatMul(const Model& model, const Node& node) {
  const auto weight = ConstantWeight(model, node, 1);
  if (const auto* skip = std::get_if<Skip>(&weight)) return *skip;
  if (const auto skip = RequireOpset(model, kDynamicQuantizationOpset)) return *skip;
  const TensorId id = std::get<TensorId>(weight);
  const Tensor& tensor = model.tensors()[id];
  const std::size_t rank = tensor.dims.size();
  if (rank < 2) return Skip{SkipReason::kShape, "rank " + std::to_string(rank)};
  const auto k = static_cast<std::uint64_t>(tensor.dims[rank - 2]);
  const auto n = static_cast<std::uint64_t>(tensor.dims[rank - 1]);
  std::vector<std::int64_t> scale_dims = {tensor.dims[rank - 1]};
  if (rank > 2) {
    scale_dims = tensor.dims;
    scale_dims[rank - 2] = 1;
  }

  EditBuilder edit;
  const auto x = edit.QuantizeActivation(NameOperand{std::string(node.inputs[0])});
  const auto w = edit.QuantizeWeight({
      .tensor = id,
      .shape = {tensor.elements / (k * n), k, n},
      .dims = tensor.dims,
      .scale_dims = scale_dims,
  });
  edit.AddIntegerProduct(x, w);
  return edit.Take();
}

}  // namespace qi8
