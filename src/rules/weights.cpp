#include "rules/weights.hpp"

namespace qi8 {

std::variant<TensorId, Skip> ConstantWeight(const Model& model, const Node& node, std::size_t input) {
  if (input >= node.input_values.size() || node.input_values[input] == kNone) {
    return Skip{SkipReason::kNotConstant, "it has no such input"};
  }
  const auto lacks = [](const auto& names, std::size_t i) { return names.size() <= i || names[i].empty(); };
  if (lacks(node.inputs, 0) || lacks(node.inputs, 1) || lacks(node.outputs, 0)) {
    return Skip{SkipReason::kNotConstant, "the node lacks an input or its output"};
  }
  const Value& value = model.values()[node.input_values[input]];
  if (value.is_ambiguous) return Skip{SkipReason::kAmbiguous, ""};
  if (value.is_initializer && value.is_graph_input) return Skip{SkipReason::kOverridable, ""};
  if (value.tensor == kNone) {
    if (value.is_initializer) return Skip{SkipReason::kType, "stored in another form than raw numbers"};
    return Skip{SkipReason::kNotConstant, ""};
  }
  const Tensor& tensor = model.tensors()[value.tensor];
  if (tensor.type != DataType::kFloat) return Skip{SkipReason::kType, DataTypeName(tensor.type)};
  if (tensor.elements == 0) return Skip{SkipReason::kShape, "it is empty"};
  return value.tensor;
}

std::optional<Skip> RequireOpset(const Model& model, std::int64_t needed) {
  if (model.onnx_opset() >= needed) return std::nullopt;
  return Skip{SkipReason::kOpset,
              "opset " + std::to_string(model.onnx_opset()) + ", needed is " + std::to_string(needed)};
}

EditBuilder::Activation EditBuilder::QuantizeActivation(Operand value) {
  const std::size_t index = edit_.activations.size();
  edit_.activations.push_back(std::move(value));
  using Part = ActivationOperand::Part;
  return {ActivationOperand{index, Part::kData}, ActivationOperand{index, Part::kScale},
          ActivationOperand{index, Part::kZeroPoint}};
}

EditBuilder::Weight EditBuilder::QuantizeWeight(WeightRequest request) {
  const std::size_t index = edit_.weights.size();
  edit_.weights.push_back(std::move(request));
  using Part = WeightOperand::Part;
  return {WeightOperand{index, Part::kData}, WeightOperand{index, Part::kScale}};
}

Operand EditBuilder::Add(std::string op_type, std::vector<Operand> inputs,
                         std::vector<NewAttribute> attributes) {
  edit_.nodes.push_back({std::move(op_type), std::move(inputs), std::move(attributes)});
  return ResultOperand{edit_.nodes.size() - 1};
}

Operand EditBuilder::AddConstant(float value) { return Add("Constant", {}, {{"value", FloatScalar{value}}}); }

Operand EditBuilder::AddIntegerProduct(const Activation& x, const Weight& w) {
  const Operand scale = Add("Mul", {x.scale, w.scale});
  const Operand sums = Add("MatMulInteger", {x.data, w.data, x.zero_point});
  const Operand real = Add("Cast", {sums}, {{"to", static_cast<std::int64_t>(DataType::kFloat)}});
  return Add("Mul", {real, scale});
}

}  // namespace qi8
