#include "rules/weights.hpp"

#include <algorithm>
#include <numeric>
#include <optional>

namespace qi8 {

Scheme SymmetricInt8(const RuleContext& context) {
  return {WeightType::kInt8, true, context.selection.scheme.reduce_range};
}

std::variant<ConstantView, Skip> ConstantWeight(const RuleContext& context, const Node& node,
                                                std::size_t input) {
  if (input >= node.input_values.size()) return Skip{SkipReason::kNotConstant, "the node leaves it out"};
  const auto lacks = [](const auto& names, std::size_t i) { return names.size() <= i || names[i].empty(); };
  const bool has_output = std::ranges::any_of(node.outputs, [](auto name) { return !name.empty(); });
  if (lacks(node.inputs, 0) || lacks(node.inputs, input) || !has_output) {
    return Skip{SkipReason::kNotConstant, "the node lacks an input or its output"};
  }
  auto view = ViewConstant(context.model, node.input_values[input]);
  if (const auto* constant = std::get_if<ConstantView>(&view)) {
    if (constant->is_overridable && !context.selection.override_inputs) {
      return Skip{SkipReason::kOverridable, "--override-inputs quantizes it"};
    }
    if (context.non_finite.contains(constant->tensor)) return Skip{SkipReason::kNonFinite, ""};
  }
  return view;
}

Skip NoWeightOfProduct(const RuleContext& context, const Node& node, const Skip& skip) {
  if (skip.reason != SkipReason::kNotConstant || !skip.detail.empty()) return skip;
  const auto first = ViewConstant(context.model, node.input_values[0]);
  const auto* why = std::get_if<Skip>(&first);
  const bool is_computed = why != nullptr && why->reason == SkipReason::kNotConstant && why->detail.empty();
  return is_computed ? Skip{SkipReason::kActivations, ""} : skip;
}

Operand InputOf(const Node& node, std::size_t input) {
  return NameOperand{input < node.inputs.size() ? std::string(node.inputs[input]) : ""};
}

std::optional<Skip> RequireOpset(const Model& model, std::int64_t needed) {
  const std::int64_t opset = model.onnx_opset();
  if (opset >= needed) return std::nullopt;
  if (opset == 0) return Skip{SkipReason::kOpset, "it imports no ai.onnx"};
  return Skip{SkipReason::kOpset,
              "opset " + std::to_string(opset) + "; " + std::to_string(needed) + " or later is needed"};
}

std::variant<WeightRequest, Skip> RequestWeight(const RuleContext& context, const ConstantView& view,
                                                const WeightUse& use) {
  const bool one_scale = use.one_scale || context.selection.granularity == Granularity::kTensor;
  WeightRequest request{
      .input = use.input,
      .tensor = view.tensor,
      .encoding = {.shape = {1, 1, 1}, .scheme = use.scheme.value_or(context.selection.scheme)},
      .dims = view.dims,
      .stored_dims = {},
      .perm = {},
      .scale_dims = one_scale ? std::vector<std::int64_t>() : use.scale_dims,
      .zero_point_dims =
          one_scale ? std::vector<std::int64_t>() : use.zero_point_dims.value_or(use.scale_dims),
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
    const bool scaled = use.own_scale[d] && !one_scale;
    if (scaled) {
      if (d < last_scaled) return Skip{SkipReason::kShape, "a Transpose before it reorders its channels"};
      last_scaled = d;
    }
    if (part == Part::kGroups && !scaled) part = Part::kReduced;
    if (part == Part::kReduced && scaled) part = Part::kChannels;
    if (part == Part::kChannels && !scaled) {
      return Skip{SkipReason::kShape, "a Transpose before it separates numbers that share a scale"};
    }
    ChannelShape& shape = request.encoding.shape;
    (part == Part::kGroups ? shape.groups : part == Part::kReduced ? shape.reduced : shape.channels) *= size;
  }
  if (!std::ranges::is_sorted(order)) {
    request.perm.resize(rank);
    for (std::size_t d = 0; d < rank; ++d) request.perm[order[d]] = static_cast<std::int64_t>(d);
  }
  return request;
}

}  // namespace qi8
