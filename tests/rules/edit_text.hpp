// What a rule answers, as text that a test can spell out.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <variant>

#include "core/text.hpp"
#include "rules/rule.hpp"
#include "support/memory_file_system.hpp"
#include "support/model_builder.hpp"

namespace qi8::testing {

[[nodiscard]] inline std::string NumberText(float number) {
  char text[32];
  std::snprintf(text, sizeof(text), "%g", static_cast<double>(number));
  return text;
}

[[nodiscard]] inline std::string OperandText(const Operand& operand) {
  if (const auto* name = std::get_if<NameOperand>(&operand)) return name->name;
  if (const auto* result = std::get_if<ResultOperand>(&operand)) return "#" + std::to_string(result->node);
  if (const auto* weight = std::get_if<WeightOperand>(&operand)) {
    return "weight" + std::to_string(weight->weight) +
           (weight->part == WeightOperand::Part::kData    ? ".data"
            : weight->part == WeightOperand::Part::kScale ? ".scale"
                                                          : ".zero_point");
  }
  const auto& activation = std::get<ActivationOperand>(operand);
  using Part = ActivationOperand::Part;
  const std::string part = activation.part == Part::kData    ? ".data"
                           : activation.part == Part::kScale ? ".scale"
                                                             : ".zero_point";
  return "activation" + std::to_string(activation.activation) + part;
}

[[nodiscard]] inline std::string AttributeText(const NewAttribute& attribute) {
  std::string text = " " + attribute.name + "=";
  if (const auto* number = std::get_if<std::int64_t>(&attribute.value)) return text + std::to_string(*number);
  if (const auto* real = std::get_if<float>(&attribute.value)) return text + NumberText(*real);
  if (const auto* scalar = std::get_if<FloatTensor>(&attribute.value))
    return text + NumberText(scalar->values.at(0));
  if (const auto* integers = std::get_if<Int64Tensor>(&attribute.value)) {
    return text + "tensor " + FormatShape(integers->values);
  }
  return text + FormatShape(std::get<std::vector<std::int64_t>>(attribute.value));
}

// A skip as "identifier: detail"; an edit as a line for each weight, activation and node.
[[nodiscard]] inline std::string DecisionText(const Model& model, const Decision& decision) {
  if (const auto* skip = std::get_if<Skip>(&decision)) return Identifier(skip->reason) + ": " + skip->detail;
  const Edit& edit = std::get<Edit>(decision);
  std::string text = "\n";
  for (const WeightRequest& weight : edit.weights) {
    text += "weight " + model.tensors()[weight.tensor].name + " as {" + std::to_string(weight.shape.groups) +
            ", " + std::to_string(weight.shape.reduced) + ", " + std::to_string(weight.shape.channels) + "}" +
            (weight.perm.empty() ? "" : " transposed") + " -> " + FormatShape(weight.dims) + ", scales " +
            FormatShape(weight.scale_dims) + " * " + NumberText(weight.scale_factor);
    if (weight.zero_point_dims != weight.scale_dims) {
      text += ", zero points " + FormatShape(weight.zero_point_dims);
    }
    text += "\n";
  }
  for (const ActivationRequest& activation : edit.activations) {
    text += "activation " + OperandText(activation.value);
    if (activation.type != DataType::kFloat) text += " " + DataTypeName(activation.type);
    text += "\n";
  }
  for (std::size_t i = 0; i < edit.nodes.size(); ++i) {
    const EditNode& node = edit.nodes[i];
    text +=
        "#" + std::to_string(i) + " " + (node.domain.empty() ? "" : node.domain + ".") + node.op_type + "(";
    for (std::size_t k = 0; k < node.inputs.size(); ++k)
      text += (k > 0 ? ", " : "") + OperandText(node.inputs[k]);
    text += ")";
    for (const NewAttribute& attribute : node.attributes) text += AttributeText(attribute);
    text += "\n";
  }
  return text;
}

// What its rule says of the last node of the model.
[[nodiscard]] inline std::string DecideLast(ModelBuilder& builder, const Selection& selection = {}) {
  MemoryFileSystem files;
  files.Add("m.onnx", builder.model().SerializeAsString());
  const Model model = Model::Load(files, "m.onnx");
  const Node& node = model.nodes().back();
  const RuleContext context{.model = model, .selection = selection, .settled_shapes = {}};
  if (!selection.store_int8.empty()) return DecisionText(model, PlanStored(context, node));
  const Rule* rule = FindRule(node);
  if (rule == nullptr || !rule->computed) return "no rule";
  return DecisionText(model, rule->computed->plan(context, node));
}

}  // namespace qi8::testing
