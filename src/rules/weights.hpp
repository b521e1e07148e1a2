// What the rules share: finding the weight of a node, and putting an edit together.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "rules/constant_view.hpp"
#include "rules/rule.hpp"

namespace qi8 {

// The constant that the node's input is, if it may be quantized; else why not.
[[nodiscard]] std::variant<ConstantView, Skip> ConstantWeight(const RuleContext& context, const Node& node,
                                                              std::size_t input);

// Why a product has no weight as its second factor: where the model computes both from what it is given, that
// is why; else `skip`.
[[nodiscard]] Skip NoWeightOfProduct(const RuleContext& context, const Node& node, const Skip& skip);

// The node's input as it is; left out where the node leaves it out.
[[nodiscard]] Operand InputOf(const Node& node, std::size_t input);

// Nothing, or the skip that says that operators of `needed` are missing from the model's opset.
[[nodiscard]] std::optional<Skip> RequireOpset(const Model& model, std::int64_t needed);

// Add and Mul broadcast from opset 7 on, DynamicQuantizeLinear came with opset 11.
inline constexpr std::int64_t kBroadcastingOpset = 7;
inline constexpr std::int64_t kDynamicQuantizationOpset = 11;

// How an operator uses the dimensions of a weight.
struct WeightUse {
  std::size_t input = 0;
  std::vector<bool> own_scale;           // by dimension: whether its indices have scales of their own
  std::vector<std::int64_t> scale_dims;  // of the scale tensor, in the same order
  std::optional<std::vector<std::int64_t>> zero_point_dims = {};  // nothing: those of the scales
  float scale_factor = 1;
  std::optional<Scheme> scheme = {};  // that the operator demands, whatever was asked for
  bool one_scale = false;             // for all of the weight, whatever was asked for
};

// What operators take that know no zero points of weights.
[[nodiscard]] Scheme SymmetricInt8(const RuleContext& context);

// The weight as it is to be stored: the codes stay in the order of the constant that they come from, whatever
// order the operator wants. The skip is for views that would put the scales in another order than the codes'.
[[nodiscard]] std::variant<WeightRequest, Skip> RequestWeight(const RuleContext& context,
                                                              const ConstantView& view, const WeightUse& use);

// Puts an Edit together node by node.
class EditBuilder {
 public:
  explicit EditBuilder(const RuleContext& context) : context_(context) {}

  struct Weight {
    Operand data, scale;
    std::optional<Operand> zero_point;  // nothing: all are 0
    bool has_one_scale = false;         // a scalar, for all of the weight
  };
  Weight QuantizeWeight(WeightRequest request);

  Operand Add(std::string op_type, std::vector<Operand> inputs, std::vector<NewAttribute> attributes = {});

  // A float32 scalar, in a form that every opset has.
  Operand AddConstant(float value);

  Operand AddConstant(Int64Tensor value);

  // Zeros of int8.
  Operand AddZeros(std::vector<std::int64_t> dims);

  // To that type; the operand itself where it has it already.
  Operand AddCast(Operand value, DataType from, DataType to);

  // x * W in float32, x being of `type`, in the form that ONNX Runtime fuses into MatMulIntegerToFloat:
  //   Mul( Cast(MatMulInteger(x_q, W_q, x_zero_point)), Mul(x_scale, W_scale) )
  // A weight's zero points of zero are left out. Before opset 11, which brought DynamicQuantizeLinear, one
  // node of com.microsoft does the same: DynamicQuantizeMatMul.
  Operand AddProduct(Operand x, DataType type, const Weight& w);

  // What codes stand for, in float32: (codes - zero_point) * scale, in operators that every opset from 7 on
  // has.
  Operand AddDequantized(Operand codes, const std::optional<Operand>& zero_point, const Operand& scale);

  // A node with the attributes of the replaced one.
  Operand AddInherited(std::string op_type, std::vector<Operand> inputs);

  // The node that is replaced, computing with these inputs. The last node of the edit.
  void AddTheNodeItself(const Node& node, std::vector<Operand> inputs);

  // An operator of com.microsoft with the attributes and all the outputs of the replaced node. The last node
  // of the edit.
  void AddMicrosoftForm(std::string op_type, std::vector<Operand> inputs,
                        std::vector<std::string> without_attributes = {});

  // The activation, quantized when the model runs; float32 or, behind a Cast, of `type`.
  struct Activation {
    Operand data, scale, zero_point;
  };
  Activation QuantizeActivation(Operand x, DataType type);

  [[nodiscard]] Edit Take() { return std::move(edit_); }

 private:
  const RuleContext& context_;
  Edit edit_;
};

}  // namespace qi8
