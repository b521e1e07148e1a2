#include "forms/product.hpp"

#include <array>
#include <utility>

namespace qi8 {

extern const ProductForm kFormOfBlockwise;
extern const ProductForm kFormOfPerTensor;
extern const ProductForm kFormOfPerToken;
extern const ProductForm kFormOfResidual;

namespace {

// By falling accuracy: where a product cannot have a form, the nearest is the next one that it can have.
constexpr auto kForms = std::to_array<const ProductForm*>(
    {&kFormOfBlockwise, &kFormOfResidual, &kFormOfPerToken, &kFormOfPerTensor});

Operand AddVector(EditBuilder& edit, std::vector<std::int64_t> values) {
  const auto count = static_cast<std::int64_t>(values.size());
  return edit.AddConstant(Int64Tensor{{count}, std::move(values)});
}

}  // namespace

Operand AddProduct(EditBuilder& edit, const Product& product) {
  std::string obstacle;
  bool is_reached = false;
  for (const ProductForm* form : kForms) {
    is_reached = is_reached || form->kind == product.form.kind;
    if (!is_reached) continue;
    if (const auto why = form->obstacle(edit, product)) {
      if (obstacle.empty()) obstacle = *why;
      continue;
    }
    edit.SetForm({form->kind == product.form.kind ? product.form : Form{form->kind}, obstacle});
    return form->add(edit, product);
  }
  // Every product can be had per tensor.
  edit.SetForm({{FormKind::kPerTensor}, obstacle});
  return kFormOfPerTensor.add(edit, product);
}

// The runtime computes this when it loads the model if it can infer the rank of x, and fuses the product all
// the same.
Operand AddBroadcast(EditBuilder& edit, const Product& product, const Operand& numbers) {
  const std::vector<std::int64_t>& dims = product.weight.scale_dims;
  if (!product.scales_follow_rank || dims.empty()) return numbers;
  // The dimension of x before its last one: one number, or none of a vector.
  const Operand rows =
      edit.Add("Slice", {edit.Add("Shape", {product.x}), AddVector(edit, {-2}), AddVector(edit, {-1})});
  const Operand ones =
      edit.Add("ConstantOfShape", {edit.Add("Shape", {rows})}, {{"value", Int64Tensor{{1}, {1}}}});
  const Operand batch = AddVector(edit, {dims.begin(), dims.end() - 2});
  const Operand shape = edit.Add("Concat", {batch, ones, AddVector(edit, {dims.back()})}, {{"axis", 0}});
  return edit.Add("Reshape", {numbers, shape});
}

std::optional<std::string> LacksOpset(const EditBuilder& edit, std::int64_t needed) {
  if (edit.opset() >= needed) return std::nullopt;
  return "opset " + std::to_string(edit.opset()) + "; " + std::to_string(needed) + " or later is needed";
}

}  // namespace qi8
