// What a rule answers, as text that a test can spell out.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <string>
#include <variant>
#include <vector>

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

// How the nodes of an edit are called in its text: "#0", "#1", ... those that are its own, and "activation0"
// a shared DynamicQuantizeLinear, whose inputs are told where it stands first.
class EditNames {
 public:
  explicit EditNames(const Edit& edit) : edit_(edit) {
    std::size_t own = 0;
    std::size_t activations = 0;
    std::size_t shared = 0;
    for (const EditNode& node : edit.nodes) {
      names_.push_back(!node.shared         ? "#" + std::to_string(own++)
                       : IsActivation(node) ? "activation" + std::to_string(activations++)
                                            : "shared" + std::to_string(shared++));
    }
  }

  [[nodiscard]] static bool IsActivation(const EditNode& node) {
    return node.shared && node.op_type == "DynamicQuantizeLinear";
  }
  // The Cast of an activation to float32, which is told with it.
  [[nodiscard]] static bool IsCast(const EditNode& node) { return node.shared && node.op_type == "Cast"; }

  [[nodiscard]] const std::string& operator[](std::size_t node) const { return names_.at(node); }

  [[nodiscard]] std::string Text(const Operand& operand) const {
    if (const auto* name = std::get_if<NameOperand>(&operand)) return name->name;
    if (const auto* weight = std::get_if<WeightOperand>(&operand)) {
      return "weight" + std::to_string(weight->weight) +
             (weight->part == WeightPart::kCodes    ? ".data"
              : weight->part == WeightPart::kScales ? ".scale"
              : weight->part == WeightPart::kSums   ? ".sum"
                                                    : ".zero_point");
    }
    const auto& result = std::get<ResultOperand>(operand);
    const EditNode& node = edit_.nodes.at(result.node);
    if (!IsActivation(node)) return names_[result.node];
    constexpr std::array<const char*, 3> kParts = {".data", ".scale", ".zero_point"};
    return names_[result.node] + kParts.at(result.output);
  }

 private:
  const Edit& edit_;
  std::vector<std::string> names_;
};

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
    text += "weight " + model.tensors()[weight.tensor].name + " as {" +
            std::to_string(weight.encoding.shape.groups) + ", " +
            std::to_string(weight.encoding.shape.reduced) + ", " +
            std::to_string(weight.encoding.shape.channels) + "}" +
            (weight.perm.empty() ? "" : " transposed") + " -> " + FormatShape(weight.dims) + ", scales " +
            FormatShape(weight.scale_dims) + " * " + NumberText(weight.scale_factor);
    if (weight.with_sums) text += ", with sums";
    if (weight.zero_point_dims != weight.scale_dims) {
      text += ", zero points " + FormatShape(weight.zero_point_dims);
    }
    text += "\n";
  }
  const EditNames names(edit);
  for (const EditNode& node : edit.nodes) {
    if (!EditNames::IsActivation(node)) continue;
    text += "activation " + names.Text(node.shared->value);
    const auto* x = std::get_if<ResultOperand>(&node.inputs[0]);
    if (x != nullptr && EditNames::IsCast(edit.nodes[x->node])) text += " cast to float32";
    text += "\n";
  }
  for (std::size_t i = 0; i < edit.nodes.size(); ++i) {
    const EditNode& node = edit.nodes[i];
    if (EditNames::IsActivation(node) || EditNames::IsCast(node)) continue;
    text += names[i] + " " + (node.domain.empty() ? "" : node.domain + ".") + node.op_type + "(";
    for (std::size_t k = 0; k < node.inputs.size(); ++k)
      text += (k > 0 ? ", " : "") + names.Text(node.inputs[k]);
    text += ")";
    for (const NewAttribute& attribute : node.attributes) text += AttributeText(attribute);
    text += "\n";
  }
  return text;
}

// What its rule says of the last node of the model; its products are per-tensor unless a form is given.
[[nodiscard]] inline std::string DecideLast(ModelBuilder& builder, const Selection& selection = {},
                                            std::optional<Form> form_for_all = std::nullopt) {
  MemoryFileSystem files;
  files.Add("m.onnx", builder.model().SerializeAsString());
  const Model model = Model::Load(files, "m.onnx");
  const Node& node = model.nodes().back();
  const Form form = form_for_all.value_or(Form{FormKind::kPerTensor});
  const RuleContext context{.model = model,
                            .selection = selection,
                            .ranges = InferRanges(model),
                            .forms = std::vector<Form>(model.nodes().size(), form)};
  if (!selection.store_int8.empty()) return DecisionText(model, PlanStored(context, node));
  const Rule* rule = FindRule(node);
  if (rule == nullptr || !rule->computed) return "no rule";
  return DecisionText(model, rule->computed->plan(context, node));
}

}  // namespace qi8::testing
