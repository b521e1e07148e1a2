// Operators that gain nothing from INT8 arithmetic, with their weights stored as INT8 and restored when the
// model is loaded:
//   Mul( Cast(W_q), W_scale ) -> the operator as it was
// ONNX Runtime computes that once and keeps the result, so the file is a quarter and the speed that of
// before. (It does not do so for a DequantizeLinear.)

#include <algorithm>
#include <array>

#include "rules/weights.hpp"

namespace qi8 {
namespace {

// Any dimension may have the scales, as the weight is whole again before it is used. It is the first one that
// is about as fine as output channels; a scale for each (direction, gate) of a recurrent operator.
struct Storable {
  std::string_view op_type;
  std::array<std::size_t, 2> inputs;
  std::size_t input_count;
  std::size_t scaled_dims;  // how many of the first dimensions have scales of their own
};
constexpr auto kStorable = std::to_array<Storable>({
    {"Conv", {1}, 1, 1},           // [M, C/group, k..]
    {"ConvTranspose", {1}, 1, 1},  // [C, M/group, k..]
    {"LSTM", {1, 2}, 2, 2},        // [directions, 4 * hidden, inputs]
    {"GRU", {1, 2}, 2, 2},
    {"RNN", {1, 2}, 2, 2},
});

const Storable* Find(std::string_view op_type) {
  const auto* const found = std::ranges::find(kStorable, op_type, &Storable::op_type);
  return found == kStorable.end() ? nullptr : found;
}

}  // namespace

std::span<const std::size_t> StorableInputs(const Node& node) {
  const Storable* storable = node.domain.empty() ? Find(node.op_type) : nullptr;
  if (storable == nullptr) return {};
  return std::span(storable->inputs).first(storable->input_count);
}

std::vector<std::string> StorableOperators() {
  std::vector<std::string> names;
  for (const Storable& storable : kStorable) names.emplace_back(storable.op_type);
  return names;
}

Decision PlanStored(const RuleContext& context, const Node& node) {
  if (const auto skip = RequireOpset(context.model, kBroadcastingOpset)) return *skip;
  const Storable& storable = *Find(node.op_type);
  EditBuilder edit(context);
  std::vector<Operand> inputs;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) inputs.push_back(InputOf(node, i));
  std::optional<Skip> first_skip;
  bool any = false;
  for (const std::size_t input : StorableInputs(node)) {
    const auto weight = ConstantWeight(context, node, input);
    if (const auto* skip = std::get_if<Skip>(&weight)) {
      if (!first_skip) first_skip = *skip;
      continue;
    }
    const ConstantView& view = std::get<ConstantView>(weight);
    if (view.dims.size() <= storable.scaled_dims) {
      if (!first_skip) first_skip = Skip{SkipReason::kShape, "rank " + std::to_string(view.dims.size())};
      continue;
    }
    WeightUse use{.input = input, .own_scale = {}, .scale_dims = view.dims};
    for (std::size_t d = 0; d < view.dims.size(); ++d) {
      use.own_scale.push_back(d < storable.scaled_dims);
      if (!use.own_scale[d]) use.scale_dims[d] = 1;
    }
    auto request = RequestWeight(context, view, use);
    if (const auto* skip = std::get_if<Skip>(&request)) {
      if (!first_skip) first_skip = *skip;
      continue;
    }
    const auto w = edit.QuantizeWeight(std::get<WeightRequest>(std::move(request)));
    inputs[input] =
        edit.AddCast(edit.AddDequantized(w.data, w.zero_point, w.scale), DataType::kFloat, view.type);
    any = true;
  }
  if (!any) return first_skip.value_or(Skip{SkipReason::kNotConstant, ""});
  edit.AddTheNodeItself(node, std::move(inputs));
  return edit.Take();
}

}  // namespace qi8
