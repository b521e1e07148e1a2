// The form `per-token`: each row of the activation has a scale of its own, so no row's result depends on
// another row.
//
// Where zero is what most numbers of a row lie near (edit/activation_range.hpp), all rows have one constant
// zero point Z, and zero is exactly a code:
//
//   s = max(max(x) / (255 - Z), -min(x) / Z)
//   q = QuantizeLinear(x / s, 1, Z)
//   y = s * s_w * (q - Z) q_w
//
// Where a row may lie anywhere, it begins at an offset o of its own:
//
//   s = (max(x) - min(x)) / 255
//   q = QuantizeLinear((x - o) / s, 1, 0)
//   y = s * s_w * q q_w + o * (s_w * sum_k q_w)
//
// Where the row has both signs, o = s * round(min(x) / s), so that zero is exactly a code: an error there
// would add up over the many values near zero. Else o puts the end of the row that is nearer to zero exactly
// on a code, as the logarithm of a spectrum's smallest numbers counts: o = min(x), or max(x) - 255 s.
//
// The sum over a channel is a constant (WeightPart::kSums). A weight with one scale for all channels has no
// such sums, so its rows have the constant zero point. Scales are not below kLeastScale, which makes a row of
// zeros a row of zeros; they are found without the difference max - min, which could overflow. A weight's own
// zero points go into the product.
//
// MatMulIntegerToFloat of com.microsoft multiplies by s_w on the way out of the integer product. It is used
// for matrices; batches of matrices have MatMulInteger, Cast and Mul. The two scales are never multiplied
// with each other first: ONNX Runtime fuses that pattern with a bias behind it, and then scales the bias,
// too.

#include <utility>

#include "forms/product.hpp"

namespace qi8 {
namespace {

constexpr float kLeastScale = 1e-30F;
constexpr float kMostCode = 255;

std::optional<std::string> Obstacle(const EditBuilder& edit, const Product&) {
  return LacksOpset(edit, kDynamicQuantizationOpset);
}

// `axes` of the reductions is an input from this opset on.
constexpr std::int64_t kAxesInputOpset = 18;

// What is computed of an activation, once for all products that read it.
class Rows {
 public:
  Rows(EditBuilder& edit, const Product& product)
      : edit_(edit), real_(edit.AddFloat(product.x, product.type)) {}

  // Names are numbers of rows, not the name of the activation with something behind it: these are many small
  // nodes, and names of exporters are long.
  Operand Shared(const std::string& op_type, std::vector<Operand> inputs, const std::string& output,
                 std::vector<NewAttribute> attributes = {}) {
    return edit_.AddShared(
        op_type, std::move(inputs),
        {.value = NameOperand{"rows"}, .node = output + "_" + op_type, .outputs = {output}},
        std::move(attributes));
  }

  Operand Number(float value) { return edit_.AddSharedConstant(value); }

  Operand Greatest() { return Reduce("ReduceMax", "_max"); }
  Operand Least() { return Reduce("ReduceMin", "_min"); }

  // The codes of these steps, in uint8: saturating, and rounding half to even.
  Operand Codes(const Operand& steps, std::uint8_t zero_point, const std::string& output) {
    return Shared("QuantizeLinear", {steps, Number(1), edit_.AddSharedUint8(zero_point)}, output);
  }

  [[nodiscard]] const Operand& real() const { return real_; }

 private:
  Operand Reduce(const std::string& op_type, const std::string& output) {
    if (edit_.opset() < kAxesInputOpset) {
      return Shared(op_type, {real_}, output, {{"axes", std::vector<std::int64_t>{-1}}, {"keepdims", 1}});
    }
    const Operand axes = Shared("Constant", {}, "_axis", {{"value", Int64Tensor{{1}, {-1}}}});
    return Shared(op_type, {real_, axes}, output, {{"keepdims", 1}});
  }

  EditBuilder& edit_;
  Operand real_;
};

// An activation quantized by rows. The codes stand for scale * (codes - zero_point) + offset.
struct QuantizedRows {
  Operand codes;
  Operand scale;
  std::uint8_t zero_point = 0;
  std::optional<Operand> offset;
};

QuantizedRows AboutZero(Rows& rows, std::uint8_t zero_point) {
  const Operand up = rows.Shared(
      "Mul", {rows.Greatest(), rows.Number(1 / (kMostCode - static_cast<float>(zero_point)))}, "_up");
  const Operand down =
      rows.Shared("Mul", {rows.Least(), rows.Number(-1 / static_cast<float>(zero_point))}, "_down");
  const Operand scale = rows.Shared("Max", {up, down, rows.Number(kLeastScale)}, "_scale");
  const Operand steps = rows.Shared("Div", {rows.real(), scale}, "_steps");
  return {rows.Codes(steps, zero_point, "_quantized"), scale, zero_point, std::nullopt};
}

QuantizedRows FromOffset(Rows& rows) {
  const Operand greatest = rows.Greatest();
  const Operand least = rows.Least();
  const Operand step = rows.Number(1 / kMostCode);
  const Operand range = rows.Shared(
      "Sub",
      {rows.Shared("Mul", {greatest, step}, "_max_part"), rows.Shared("Mul", {least, step}, "_min_part")},
      "_range");
  const Operand scale = rows.Shared("Max", {range, rows.Number(kLeastScale)}, "_scale");
  const Operand whole = rows.Shared("Round", {rows.Shared("Div", {least, scale}, "_min_steps")}, "_start");
  const Operand of_both = rows.Shared("Mul", {scale, whole}, "_both");
  const Operand of_negative = rows.Shared(
      "Sub", {greatest, rows.Shared("Mul", {scale, rows.Number(kMostCode)}, "_length")}, "_negative");
  const Operand zero = rows.Number(0);
  const Operand has_positive = rows.Shared("Greater", {greatest, zero}, "_has_positive");
  const Operand has_negative = rows.Shared("Less", {least, zero}, "_has_negative");
  const Operand of_some = rows.Shared("Where", {has_positive, of_both, of_negative}, "_offset_below");
  const Operand offset = rows.Shared("Where", {has_negative, of_some, least}, "_offset");
  const Operand steps =
      rows.Shared("Div", {rows.Shared("Sub", {rows.real(), offset}, "_shifted"), scale}, "_steps");
  return {rows.Codes(steps, 0, "_quantized"), scale, 0, offset};
}

// A weight with one scale for all channels has no sum for each of them. Small weights are worth an offset
// whatever the range: there is little time to be won by the product itself, and an offset is 1 dB better.
// With the smallest, it is the number of nodes that counts. (docs/performance.md has the figures.)
ActivationRange RangeToUse(const Product& product) {
  // The elements of a small weight.
  constexpr std::uint64_t kLeast = 1U << 15U;
  constexpr std::uint64_t kMost = 1U << 17U;
  const bool is_unknown = product.range == ActivationRange::kUnknown;
  if (product.weight.scale_dims.empty()) return is_unknown ? ActivationRange::kCentered : product.range;
  const std::uint64_t elements = product.weight.encoding.shape.elements();
  return elements >= kLeast && elements <= kMost ? ActivationRange::kUnknown : product.range;
}

QuantizedRows Quantize(Rows& rows, ActivationRange range) {
  switch (range) {
    case ActivationRange::kCentered:
      return AboutZero(rows, 128);
    case ActivationRange::kLowerTail:
      return AboutZero(rows, 16);
    case ActivationRange::kNonNegative:
      return AboutZero(rows, 1);
    default:
      return FromOffset(rows);
  }
}

// s_w * (codes - zero_point) q_w
Operand AddProductOfCodes(EditBuilder& edit, const QuantizedRows& rows, const WeightOperands& w,
                          bool is_matrix, const Operand& w_scale) {
  std::vector<Operand> factors = {rows.codes, w.data};
  if (is_matrix) factors.insert(factors.end(), {edit.AddSharedConstant(1), w_scale});
  if (rows.zero_point != 0 || w.zero_point) factors.push_back(edit.AddSharedUint8(rows.zero_point));
  if (w.zero_point) factors.push_back(*w.zero_point);
  if (is_matrix) return edit.AddMicrosoft("MatMulIntegerToFloat", std::move(factors));
  const Operand sums = edit.Add("MatMulInteger", std::move(factors));
  return edit.Add("Mul", {edit.AddCast(sums, DataType::kInt32, DataType::kFloat), w_scale});
}

Operand AddPerToken(EditBuilder& edit, const Product& product) {
  Rows rows(edit, product);
  const QuantizedRows x = Quantize(rows, RangeToUse(product));
  WeightRequest request = product.weight;
  request.with_sums = x.offset.has_value();
  const bool is_matrix = request.dims.size() == 2;
  const WeightOperands w = edit.QuantizeWeight(std::move(request));
  const Operand of_codes = AddProductOfCodes(edit, x, w, is_matrix, AddBroadcast(edit, product, w.scale));
  Operand scaled = edit.Add("Mul", {of_codes, x.scale});
  if (!x.offset) return scaled;
  return edit.Add("Add", {scaled, edit.Add("Mul", {*x.offset, AddBroadcast(edit, product, *w.sums)})});
}

}  // namespace

extern const ProductForm kFormOfPerToken = {
    .kind = FormKind::kPerToken, .obstacle = &Obstacle, .add = &AddPerToken};

}  // namespace qi8
