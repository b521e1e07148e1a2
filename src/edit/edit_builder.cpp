#include "edit/edit_builder.hpp"

#include "core/domains.hpp"

namespace qi8 {

WeightOperands EditBuilder::QuantizeWeight(WeightRequest request) {
  const std::size_t index = edit_.weights.size();
  WeightOperands weight{.data = WeightOperand{index, WeightPart::kCodes},
                        .scale = WeightOperand{index, WeightPart::kScales},
                        .zero_point = std::nullopt,
                        .sums = std::nullopt,
                        .has_one_scale = request.scale_dims.empty()};
  if (request.encoding.has_zero_points()) weight.zero_point = WeightOperand{index, WeightPart::kZeroPoints};
  if (request.with_sums) weight.sums = WeightOperand{index, WeightPart::kSums};
  edit_.weights.push_back(std::move(request));
  return weight;
}

Operand EditBuilder::Add(std::string op_type, std::vector<Operand> inputs,
                         std::vector<NewAttribute> attributes) {
  edit_.nodes.push_back({.op_type = std::move(op_type),
                         .inputs = std::move(inputs),
                         .attributes = std::move(attributes),
                         .domain = "",
                         .inherits = {},
                         .has_all_outputs = false});
  return ResultOperand{edit_.nodes.size() - 1};
}

Operand EditBuilder::AddMicrosoft(std::string op_type, std::vector<Operand> inputs,
                                  std::vector<NewAttribute> attributes) {
  Operand result = Add(std::move(op_type), std::move(inputs), std::move(attributes));
  edit_.nodes.back().domain = kMicrosoftDomain;
  return result;
}

ResultOperand EditBuilder::AddShared(std::string op_type, std::vector<Operand> inputs, SharedNames names,
                                     std::vector<NewAttribute> attributes) {
  Add(std::move(op_type), std::move(inputs), std::move(attributes));
  edit_.nodes.back().shared = std::move(names);
  return {edit_.nodes.size() - 1};
}

Operand EditBuilder::AddConstant(float value) {
  return Add("Constant", {}, {{"value", FloatTensor{{}, {value}}}});
}

Operand EditBuilder::AddConstant(Int64Tensor value) {
  return Add("Constant", {}, {{"value", std::move(value)}});
}

Operand EditBuilder::AddZeros(std::vector<std::int64_t> dims) {
  const auto rank = static_cast<std::int64_t>(dims.size());
  Operand zero = AddCast(AddConstant(Int64Tensor{{}, {0}}), DataType::kInt64, DataType::kInt8);
  if (dims.empty()) return zero;
  return Add("Expand", {zero, AddConstant(Int64Tensor{{rank}, std::move(dims)})});
}

Operand EditBuilder::AddCast(Operand value, DataType from, DataType to) {
  if (from == to) return value;
  return Add("Cast", {std::move(value)}, {{"to", static_cast<std::int64_t>(to)}});
}

Operand EditBuilder::AddDequantized(Operand codes, const std::optional<Operand>& zero_point,
                                    const Operand& scale) {
  Operand real = AddCast(std::move(codes), DataType::kInt8, DataType::kFloat);
  if (zero_point) real = Add("Sub", {real, AddCast(*zero_point, DataType::kInt8, DataType::kFloat)});
  return Add("Mul", {real, scale});
}

Operand EditBuilder::AddInherited(std::string op_type, std::vector<Operand> inputs) {
  Operand result = Add(std::move(op_type), std::move(inputs));
  edit_.nodes.back().inherits.attributes = true;
  return result;
}

void EditBuilder::AddTheNodeItself(const Node& node, std::vector<Operand> inputs) {
  AddInherited(std::string(node.op_type), std::move(inputs));
  edit_.nodes.back().domain = node.domain;
  edit_.nodes.back().has_all_outputs = true;
}

void EditBuilder::AddMicrosoftForm(std::string op_type, std::vector<Operand> inputs,
                                   std::vector<std::string> without_attributes) {
  AddInherited(std::move(op_type), std::move(inputs));
  edit_.nodes.back().inherits.without = std::move(without_attributes);
  edit_.nodes.back().domain = kMicrosoftDomain;
  edit_.nodes.back().has_all_outputs = true;
}

Operand EditBuilder::AddFloat(Operand x, DataType type) {
  if (type == DataType::kFloat) return x;
  return AddShared("Cast", {x}, {.value = x, .node = "_float32_Cast", .outputs = {"_float32"}},
                   {{"to", static_cast<std::int64_t>(DataType::kFloat)}});
}

QuantizedActivation EditBuilder::QuantizeActivation(const Operand& x, DataType type) {
  if (!edit_.form) edit_.form = FormOutcome{{FormKind::kPerTensor}, ""};
  const std::size_t node =
      AddShared(
          "DynamicQuantizeLinear", {AddFloat(x, type)},
          {.value = x, .node = "_DynamicQuantizeLinear", .outputs = {"_quantized", "_scale", "_zero_point"}})
          .node;
  return {ResultOperand{node, 0}, ResultOperand{node, 1}, ResultOperand{node, 2}};
}

namespace {

// What a constant of the tool itself is called after.
const NameOperand kOwnName{"quantize_int8"};

}  // namespace

Operand EditBuilder::AddSharedConstant(float value) {
  return AddShared("Constant", {}, {.value = kOwnName, .node = "_Constant", .outputs = {"_number"}},
                   {{"value", FloatTensor{{}, {value}}}});
}

Operand EditBuilder::AddSharedUint8(std::uint8_t value) {
  const Operand number =
      AddShared("Constant", {}, {.value = kOwnName, .node = "_Constant", .outputs = {"_number"}},
                {{"value", Int64Tensor{{}, {value}}}});
  return AddShared("Cast", {number}, {.value = kOwnName, .node = "_Cast", .outputs = {"_code"}},
                   {{"to", static_cast<std::int64_t>(DataType::kUint8)}});
}

}  // namespace qi8
