// What the rules share: finding the weight of a node, and putting an edit together.
#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "rules/rule.hpp"

namespace qi8 {

// The tensor of the node's input, if it is a constant that may be quantized; else why not.
[[nodiscard]] std::variant<TensorId, Skip> ConstantWeight(const Model& model, const Node& node,
                                                          std::size_t input);

// Nothing, or the skip that says that operators of `needed` are missing from the model's opset.
[[nodiscard]] std::optional<Skip> RequireOpset(const Model& model, std::int64_t needed);

// DynamicQuantizeLinear came with opset 11, MatMulInteger with 10.
inline constexpr std::int64_t kDynamicQuantizationOpset = 11;

// Puts an Edit together node by node.
class EditBuilder {
 public:
  struct Activation {
    Operand data, scale, zero_point;
  };
  struct Weight {
    Operand data, scale;
  };

  Activation QuantizeActivation(Operand value);
  Weight QuantizeWeight(WeightRequest request);
  Operand Add(std::string op_type, std::vector<Operand> inputs, std::vector<NewAttribute> attributes = {});

  // A float32 scalar, in a form that every opset has.
  Operand AddConstant(float value);

  // x * W in float32, in the form that ONNX Runtime fuses into MatMulIntegerToFloat:
  //   Mul( Cast(MatMulInteger(x_q, W_q, x_zero_point)), Mul(x_scale, W_scale) )
  // The weight's zero point is zero and left out.
  Operand AddIntegerProduct(const Activation& x, const Weight& w);

  [[nodiscard]] Edit Take() { return std::move(edit_); }

 private:
  Edit edit_;
};

}  // namespace qi8
