// The form `per-tensor`: one scale and one zero point for the whole activation, by the rules of ONNX
// Runtime's quantize_dynamic, and as ONNX Runtime fuses it into MatMulIntegerToFloat:
//
//   Mul( Cast(MatMulInteger(x_q, W_q, x_zero_point)), Mul(x_scale, W_scale) )
//
// A weight's zero points of zero are left out. Before opset 11, which brought DynamicQuantizeLinear, one node
// of com.microsoft does the same: DynamicQuantizeMatMul.

#include <utility>

#include "forms/product.hpp"

namespace qi8 {
namespace {

std::optional<std::string> NoObstacle(const EditBuilder&, const Product&) { return std::nullopt; }

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

}  // namespace

extern const ProductForm kFormOfPerTensor = {
    .kind = FormKind::kPerTensor, .obstacle = &NoObstacle, .add = &AddPerTensor};

}  // namespace qi8
