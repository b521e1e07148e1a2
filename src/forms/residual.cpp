// The form `residual`: the activation is quantized twice, the second time what the first left over, so that
// the two together have about 16 bits. Both products are with the same codes of the weight:
//
//   x1 = dequantized(DynamicQuantizeLinear(x)),  x - x1 ~ dequantized(DynamicQuantizeLinear(x - x1))
//   y = x1 * W + (x - x1) * W

#include <utility>

#include "forms/product.hpp"

namespace qi8 {
namespace {

std::optional<std::string> Obstacle(const EditBuilder& edit, const Product&) {
  return LacksOpset(edit, kDynamicQuantizationOpset);
}

// What one DynamicQuantizeLinear gives is left of x, shared by all products that read it.
Operand AddLeftOver(EditBuilder& edit, const Operand& x, const Operand& real,
                    const QuantizedActivation& quantized) {
  const Operand restored =
      edit.AddShared("DequantizeLinear", {quantized.data, quantized.scale, quantized.zero_point},
                     {.value = x, .node = "_DequantizeLinear", .outputs = {"_restored"}});
  return edit.AddShared("Sub", {real, restored}, {.value = x, .node = "_Sub", .outputs = {"_left_over"}});
}

Operand AddResidual(EditBuilder& edit, const Product& product) {
  const WeightOperands w = edit.QuantizeWeight(product.weight);
  const Operand w_scale = AddBroadcast(edit, product, w.scale);
  const Operand x = edit.AddFloat(product.x, product.type);
  const QuantizedActivation first = edit.QuantizeActivation(product.x, product.type);
  const QuantizedActivation second =
      edit.QuantizeActivation(AddLeftOver(edit, product.x, x, first), DataType::kFloat);
  const auto multiply = [&](const QuantizedActivation& part) {
    const Operand scale = edit.Add("Mul", {part.scale, w_scale});
    std::vector<Operand> factors = {part.data, w.data, part.zero_point};
    if (w.zero_point) factors.push_back(*w.zero_point);
    const Operand sums = edit.Add("MatMulInteger", std::move(factors));
    return edit.Add("Mul", {edit.AddCast(sums, DataType::kInt32, DataType::kFloat), scale});
  };
  const Operand coarse = multiply(first);
  return edit.Add("Add", {coarse, multiply(second)});
}

}  // namespace

extern const ProductForm kFormOfResidual = {
    .kind = FormKind::kResidual, .obstacle = &Obstacle, .add = &AddResidual};

}  // namespace qi8
