// MatMul(x, B) with a constant B [K, N]: the integer product, a scale for each of the N output channels.

#include "rules/weights.hpp"

namespace qi8 {

Decision PlanMatMul(const Model& model, const Node& node) {
  const auto weight = ConstantWeight(model, node, 1);
  if (const auto* skip = std::get_if<Skip>(&weight)) return *skip;
  if (const auto skip = RequireOpset(model, kDynamicQuantizationOpset)) return *skip;
  const TensorId id = std::get<TensorId>(weight);
  const Tensor& tensor = model.tensors()[id];
  if (tensor.dims.size() != 2) return Skip{SkipReason::kShape, "rank " + std::to_string(tensor.dims.size())};

  EditBuilder edit;
  const auto x = edit.QuantizeActivation(NameOperand{std::string(node.inputs[0])});
  const auto w = edit.QuantizeWeight({
      .tensor = id,
      .shape = {1, static_cast<std::uint64_t>(tensor.dims[0]), static_cast<std::uint64_t>(tensor.dims[1])},
      .dims = tensor.dims,
      .scale_dims = {tensor.dims[1]},
  });
  edit.AddIntegerProduct(x, w);
  return edit.Take();
}

}  // namespace qi8
