// Gemm(A, B, C) = alpha * A' * B' + beta * C with a constant B: the integer product, a scale for each output
// channel.
//
// alpha goes into the scales of B, transB is undone while B is quantized, transA becomes a Transpose before
// the product. beta becomes a Mul of C, which the runtime folds where C is constant; beta = 0 drops C, as
// Gemm defines.

#include "rules/weights.hpp"

namespace qi8 {

Decision PlanGemm(const Model& model, const Node& node) {
  const auto weight = ConstantWeight(model, node, 1);
  if (const auto* skip = std::get_if<Skip>(&weight)) return *skip;
  if (const auto skip = RequireOpset(model, kDynamicQuantizationOpset)) return *skip;
  const TensorId id = std::get<TensorId>(weight);
  const Tensor& tensor = model.tensors()[id];
  if (tensor.dims.size() != 2) return Skip{SkipReason::kShape, "rank " + std::to_string(tensor.dims.size())};

  const bool transposed = model.IntAttribute(node, "transB", 0) != 0;
  const std::int64_t k = tensor.dims[transposed ? 1 : 0];
  const std::int64_t n = tensor.dims[transposed ? 0 : 1];
  const auto reduced = static_cast<std::uint64_t>(k);
  const auto outputs = static_cast<std::uint64_t>(n);

  EditBuilder edit;
  Operand a = NameOperand{std::string(node.inputs[0])};
  if (model.IntAttribute(node, "transA", 0) != 0) {
    a = edit.Add("Transpose", {a}, {{"perm", std::vector<std::int64_t>{1, 0}}});
  }
  const auto x = edit.QuantizeActivation(a);
  const auto w = edit.QuantizeWeight({
      .tensor = id,
      .shape = transposed ? ChannelShape{outputs, reduced, 1} : ChannelShape{1, reduced, outputs},
      .layout = transposed ? WeightLayout::kTransposed : WeightLayout::kAsStored,
      .dims = {k, n},
      .scale_dims = {n},
      .scale_factor = model.FloatAttribute(node, "alpha", 1),
  });
  const Operand product = edit.AddIntegerProduct(x, w);

  const float beta = model.FloatAttribute(node, "beta", 1);
  if (node.inputs.size() > 2 && !node.inputs[2].empty() && beta != 0) {
    Operand c = NameOperand{std::string(node.inputs[2])};
    if (beta != 1) c = edit.Add("Mul", {c, edit.AddConstant(beta)});
    edit.Add("Add", {product, c});
  }
  return edit.Take();
}

}  // namespace qi8
