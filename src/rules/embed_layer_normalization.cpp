// EmbedLayerNormalization of com.microsoft with constant tables: QEmbedLayerNormalization, whose tables,
// gamma and beta are INT8, each with one scale.

#include <array>

#include "core/domains.hpp"
#include "rules/weights.hpp"

namespace qi8 {
namespace {

// The inputs: input_ids, segment_ids, then these, mask, position_ids.
constexpr auto kWeights = std::to_array<std::size_t>({2, 3, 4, 5, 6});
constexpr std::size_t kSegmentTable = 4, kMask = 7, kPositionIds = 8;

bool Has(const std::vector<std::string_view>& names, std::size_t i) {
  return i < names.size() && !names[i].empty();
}

Decision PlanEmbedLayerNormalization(const RuleContext& context, const Node& node) {
  if (const auto skip = RequireOpset(context.model, kBroadcastingOpset)) return *skip;
  if (Has(node.inputs, kPositionIds))
    return Skip{SkipReason::kShape, "QEmbedLayerNormalization has no input position_ids"};
  if (Has(node.outputs, 2))
    return Skip{SkipReason::kShape, "QEmbedLayerNormalization has no output embedding_sum"};
  if (context.model.IntAttribute(node, "mask_index_type", 0) != 0) {
    return Skip{SkipReason::kShape, "QEmbedLayerNormalization has no attribute mask_index_type"};
  }
  EditBuilder edit(context.model.onnx_opset());
  std::vector<Operand> inputs = {InputOf(node, 0), InputOf(node, 1)};
  std::vector<Operand> scales;
  std::vector<Operand> zero_points;
  const Operand zero = edit.AddZeros({});
  for (const std::size_t i : kWeights) {
    if (i == kSegmentTable && !Has(node.inputs, i)) {
      for (auto* operands : {&inputs, &scales, &zero_points}) operands->emplace_back(NameOperand{""});
      continue;
    }
    const auto weight = ConstantWeight(context, node, i);
    if (const auto* skip = std::get_if<Skip>(&weight)) return *skip;
    const auto& view = std::get<ConstantView>(weight);
    if (view.type != DataType::kFloat) return Skip{SkipReason::kType, DataTypeName(view.type)};
    const auto request = RequestWeight(context, view,
                                       {.input = i,
                                        .own_scale = std::vector<bool>(view.dims.size(), false),
                                        .scale_dims = {},
                                        .scheme = SymmetricInt8(context),
                                        .one_scale = true});
    if (const auto* skip = std::get_if<Skip>(&request)) return *skip;
    const auto w = edit.QuantizeWeight(std::get<WeightRequest>(request));
    inputs.push_back(w.data);
    scales.push_back(w.scale);
    zero_points.push_back(zero);
  }
  inputs.push_back(InputOf(node, kMask));
  inputs.insert(inputs.end(), scales.begin(), scales.end());
  inputs.insert(inputs.end(), zero_points.begin(), zero_points.end());
  edit.AddMicrosoftForm("QEmbedLayerNormalization", std::move(inputs));
  return edit.Take();
}

}  // namespace

extern const Rule kRuleOfEmbedLayerNormalization = {
    .op_type = "EmbedLayerNormalization",
    .domain = kMicrosoftDomain,
    .computed = ComputedForm{.weight_input = 2, .plan = &PlanEmbedLayerNormalization},
};

}  // namespace qi8
