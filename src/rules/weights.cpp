#include "rules/weights.hpp"

#include <algorithm>
#include <numeric>
#include <optional>

namespace qi8 {
namespace {

constexpr std::int64_t kDynamicQuantizationOpset = 11;

}  // namespace

std::variant<ConstantView, Skip> ConstantWeight(const RuleContext& context, const Node& node,
                                                std::size_t input) {
  if (input >= node.input_values.size()) return Skip{SkipReason::kNotConstant, "it has no such input"};
  const auto lacks = [](const auto& names, std::size_t i) { return names.size() <= i || names[i].empty(); };
  const bool has_output = std::ranges::any_of(node.outputs, [](auto name) { return !name.empty(); });
  if (lacks(node.inputs, 0) || lacks(node.inputs, 1) || !has_output) {
    return Skip{SkipReason::kNotConstant, "the node lacks an input or its output"};
  }
  auto view = ViewConstant(context.model, node.input_values[input]);
  if (const auto* constant = std::get_if<ConstantView>(&view)) {
    if (constant->is_overridable && !context.selection.override_inputs) {
      return Skip{SkipReason::kOverridable, "--override-inputs quantizes it"};
    }
  }
  return view;
}

std::optional<Skip> RequireOpset(const Model& model, std::int64_t needed) {
  const std::int64_t opset = model.onnx_opset();
  if (opset >= needed) return std::nullopt;
  if (opset == 0) return Skip{SkipReason::kOpset, "it imports no ai.onnx"};
  return Skip{SkipReason::kOpset, "opset " + std::to_string(opset) + ", needed is " + std::to_string(needed)};
}

std::variant<WeightRequest, Skip> RequestWeight(const ConstantView& view, const WeightUse& use) {
  WeightRequest request{.input = use.input,
                        .tensor = view.tensor,
                        .shape = {1, 1, 1},
                        .dims = view.dims,
                        .stored_dims = {},
                        .perm = {},
                        .scale_dims = use.scale_dims,
                        .scale_factor = use.scale_factor};
  // A view walks all elements of the tensor once, so the order of storage is that of falling strides.
  // Dimensions of 1 stay where they are seen, before the next larger one.
  const std::size_t rank = view.dims.size();
  std::vector<std::size_t> order(rank);
  std::iota(order.begin(), order.end(), 0);
  std::vector<std::uint64_t> strides = view.strides;
  for (std::size_t d = rank; d-- > 0;) {
    if (view.dims[d] == 1) strides[d] = d + 1 < rank ? strides[d + 1] : 0;
  }
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return strides[a] > strides[b]; });

  // Along the order of storage, dimensions with scales of their own may come first and last.
  enum class Part { kGroups, kReduced, kChannels } part = Part::kGroups;
  std::size_t last_scaled = 0;
  for (const std::size_t d : order) {
    const auto size = static_cast<std::uint64_t>(view.dims[d]);
    request.stored_dims.push_back(view.dims[d]);
    if (size == 1) continue;
    const bool scaled = use.own_scale[d];
    if (scaled) {
      if (d < last_scaled) return Skip{SkipReason::kShape, "a Transpose before it reorders its channels"};
      last_scaled = d;
    }
    if (part == Part::kGroups && !scaled) part = Part::kReduced;
    if (part == Part::kReduced && scaled) part = Part::kChannels;
    if (part == Part::kChannels && !scaled) {
      return Skip{SkipReason::kShape, "a Transpose before it parts what shares a scale"};
    }
    (part == Part::kGroups    ? request.shape.groups
     : part == Part::kReduced ? request.shape.reduced
                              : request.shape.channels) *= size;
  }
  if (!std::ranges::is_sorted(order)) {
    request.perm.resize(rank);
    for (std::size_t d = 0; d < rank; ++d) request.perm[order[d]] = static_cast<std::int64_t>(d);
  }
  return request;
}

EditBuilder::Weight EditBuilder::QuantizeWeight(WeightRequest request) {
  const std::size_t index = edit_.weights.size();
  edit_.weights.push_back(std::move(request));
  using Part = WeightOperand::Part;
  return {WeightOperand{index, Part::kData}, WeightOperand{index, Part::kScale}};
}

Operand EditBuilder::Add(std::string op_type, std::vector<Operand> inputs,
                         std::vector<NewAttribute> attributes) {
  edit_.nodes.push_back({.op_type = std::move(op_type),
                         .inputs = std::move(inputs),
                         .attributes = std::move(attributes),
                         .domain = "",
                         .is_the_node_itself = false});
  return ResultOperand{edit_.nodes.size() - 1};
}

Operand EditBuilder::AddConstant(float value) {
  return Add("Constant", {}, {{"value", FloatTensor{{}, {value}}}});
}

Operand EditBuilder::AddCast(Operand value, DataType from, DataType to) {
  if (from == to) return value;
  return Add("Cast", {std::move(value)}, {{"to", static_cast<std::int64_t>(to)}});
}

Operand EditBuilder::AddProduct(Operand x, DataType type, const Weight& w) {
  if (context_.model.onnx_opset() < kDynamicQuantizationOpset) {
    const Operand real = AddCast(std::move(x), type, DataType::kFloat);
    const Operand product = Add("DynamicQuantizeMatMul", {real, w.data, w.scale});
    edit_.nodes.back().domain = "com.microsoft";
    return product;
  }
  const std::size_t index = edit_.activations.size();
  edit_.activations.push_back({std::move(x), type});
  using Part = ActivationOperand::Part;
  const Operand scale = Add("Mul", {ActivationOperand{index, Part::kScale}, w.scale});
  const Operand sums = Add("MatMulInteger", {ActivationOperand{index, Part::kData}, w.data,
                                             ActivationOperand{index, Part::kZeroPoint}});
  const Operand real = AddCast(sums, DataType::kInt32, DataType::kFloat);
  return Add("Mul", {real, scale});
}

void EditBuilder::AddTheNodeItself(const Node& node, std::vector<Operand> inputs) {
  Add(std::string(node.op_type), std::move(inputs));
  edit_.nodes.back().is_the_node_itself = true;
}

}  // namespace qi8
