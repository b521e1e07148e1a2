#include "forms/product.hpp"

#include <utility>

#include "forms/per_tensor.hpp"

namespace qi8 {
namespace {

Operand AddVector(EditBuilder& edit, std::vector<std::int64_t> values) {
  const auto count = static_cast<std::int64_t>(values.size());
  return edit.AddConstant(Int64Tensor{{count}, std::move(values)});
}

}  // namespace

Operand AddProduct(EditBuilder& edit, const Product& product) { return AddPerTensor(edit, product); }

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

}  // namespace qi8
