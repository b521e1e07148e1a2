// LSTM with constant W [D, 4H, I] and R [D, 4H, H]: DynamicQuantizeLSTM of com.microsoft, which quantizes its
// activations itself. It wants the weights as [D, I, 4H] and [D, H, 4H], symmetric int8, with scales [D, 4H].

#include "rules/weights.hpp"

namespace qi8 {
namespace {

constexpr std::int64_t kExpandOpset = 8;
constexpr std::size_t kMostInputs = 8;  // up to P, the peepholes

std::variant<WeightRequest, Skip> RequestGates(const RuleContext& context, const Node& node,
                                               std::size_t input) {
  const auto weight = ConstantWeight(context, node, input);
  if (const auto* skip = std::get_if<Skip>(&weight)) return *skip;
  ConstantView view = std::get<ConstantView>(weight);
  if (view.dims.size() != 3) return Skip{SkipReason::kShape, "rank " + std::to_string(view.dims.size())};
  if (view.type != DataType::kFloat) return Skip{SkipReason::kType, DataTypeName(view.type)};
  std::swap(view.dims[1], view.dims[2]);
  std::swap(view.strides[1], view.strides[2]);
  return RequestWeight(context, view,
                       {.input = input,
                        .own_scale = {true, false, true},
                        .scale_dims = {view.dims[0], view.dims[2]},
                        .scheme = SymmetricInt8(context)});
}

Decision PlanLSTM(const RuleContext& context, const Node& node) {
  if (context.selection.granularity == Granularity::kTensor) {
    return Skip{SkipReason::kShape,
                "DynamicQuantizeLSTM needs a scale for each direction; --granularity channel gives them"};
  }
  if (const auto skip = RequireOpset(context.model, kExpandOpset)) return *skip;
  // ONNX Runtime's LSTM does not run batch-major models either, so nobody would gain from Transposes around
  // it.
  if (context.model.IntAttribute(node, "layout", 0) != 0) return Skip{SkipReason::kShape, "layout 1"};
  if (node.inputs.size() > kMostInputs) return Skip{SkipReason::kShape, "too many inputs"};
  auto w_request = RequestGates(context, node, 1);
  if (const auto* skip = std::get_if<Skip>(&w_request)) return *skip;
  auto r_request = RequestGates(context, node, 2);
  if (const auto* skip = std::get_if<Skip>(&r_request)) return *skip;
  const std::vector<std::int64_t> scale_dims = std::get<WeightRequest>(w_request).scale_dims;
  if (scale_dims != std::get<WeightRequest>(r_request).scale_dims) {
    return Skip{SkipReason::kShape, "the shapes of its weights W and R do not fit each other"};
  }

  EditBuilder edit(context.model.onnx_opset());
  const auto w = edit.QuantizeWeight(std::get<WeightRequest>(std::move(w_request)));
  const auto r = edit.QuantizeWeight(std::get<WeightRequest>(std::move(r_request)));
  std::vector<Operand> inputs;
  for (std::size_t i = 0; i < kMostInputs; ++i) {
    inputs.push_back(InputOf(node, i));
  }
  inputs[1] = w.data;
  inputs[2] = r.data;
  const Operand zeros = edit.AddZeros(scale_dims);
  inputs.insert(inputs.end(), {w.scale, zeros, r.scale, zeros});
  edit.SetForm({{FormKind::kPerTensor}, ""});
  edit.AddMicrosoftForm("DynamicQuantizeLSTM", std::move(inputs), {"layout"});
  return edit.Take();
}

}  // namespace

extern const Rule kRuleOfLSTM = {
    .op_type = "LSTM",
    .computed = ComputedForm{.weight_input = 1, .plan = &PlanLSTM},
    .stored = StoredForm{.inputs = {1, 2}, .input_count = 2, .scaled_dims = 2},
};

}  // namespace qi8
