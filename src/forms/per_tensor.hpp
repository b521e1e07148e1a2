// The form `per-tensor`: one scale and one zero point for the whole activation, as ONNX Runtime's
// quantize_dynamic has it.
#pragma once

#include "forms/product.hpp"

namespace qi8 {

// As ONNX Runtime fuses it into MatMulIntegerToFloat:
//   Mul( Cast(MatMulInteger(x_q, W_q, x_zero_point)), Mul(x_scale, W_scale) )
// A weight's zero points of zero are left out. Before opset 11, which brought DynamicQuantizeLinear, one node
// of com.microsoft does the same: DynamicQuantizeMatMul.
[[nodiscard]] Operand AddPerTensor(EditBuilder& edit, const Product& product);

}  // namespace qi8
