#include "forms/per_tensor.hpp"

#include <utility>

namespace qi8 {

Operand AddPerTensor(EditBuilder& edit, const Product& product) {
  const WeightOperands w = edit.QuantizeWeight(product.weight);
  if (edit.opset() < kDynamicQuantizationOpset) {
    const Operand real = edit.AddCast(product.x, product.type, DataType::kFloat);
    std::vector<Operand> inputs = {real, w.data, w.scale};
    if (w.zero_point) inputs.push_back(*w.zero_point);
    return edit.AddMicrosoft("DynamicQuantizeMatMul", std::move(inputs));
  }
  const Operand w_scale = AddBroadcast(edit, product, w.scale);
  const QuantizedActivation x = edit.QuantizeActivation(product.x, product.type);
  const Operand scale = edit.Add("Mul", {x.scale, w_scale});
  std::vector<Operand> factors = {x.data, w.data, x.zero_point};
  if (w.zero_point) factors.push_back(*w.zero_point);
  const Operand sums = edit.Add("MatMulInteger", std::move(factors));
  return edit.Add("Mul", {edit.AddCast(sums, DataType::kInt32, DataType::kFloat), scale});
}

}  // namespace qi8
