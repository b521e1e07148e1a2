// What the rules share: finding the weight of a node, and putting an edit together.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "edit/constant_view.hpp"
#include "edit/edit_builder.hpp"
#include "forms/product.hpp"
#include "rules/rule.hpp"

namespace qi8 {

// The constant that the node's input is, if it may be quantized; else why not.
[[nodiscard]] std::variant<ConstantView, Skip> ConstantWeight(const RuleContext& context, const Node& node,
                                                              std::size_t input);

// Why a product has no weight as its second factor: where the model computes both from what it is given, that
// is why; else `skip`.
[[nodiscard]] Skip NoWeightOfProduct(const RuleContext& context, const Node& node, const Skip& skip);

// The node's input as it is; left out where the node leaves it out.
[[nodiscard]] Operand InputOf(const Node& node, std::size_t input);

// Nothing, or the skip that says that operators of `needed` are missing from the model's opset.
[[nodiscard]] std::optional<Skip> RequireOpset(const Model& model, std::int64_t needed);

// Add and Mul broadcast from this opset on.
inline constexpr std::int64_t kBroadcastingOpset = 7;

// How an operator uses the dimensions of a weight.
struct WeightUse {
  std::size_t input = 0;
  std::vector<bool> own_scale;           // by dimension: whether its indices have scales of their own
  std::vector<std::int64_t> scale_dims;  // of the scale tensor, in the same order
  std::optional<std::vector<std::int64_t>> zero_point_dims = {};  // nothing: those of the scales
  float scale_factor = 1;
  std::optional<Scheme> scheme = {};  // that the operator demands, whatever was asked for
  bool one_scale = false;             // for all of the weight, whatever was asked for
};

// What operators take that know no zero points of weights.
[[nodiscard]] Scheme SymmetricInt8(const RuleContext& context);

// The weight as it is to be stored: the codes stay in the order of the constant that they come from, whatever
// order the operator wants. The skip is for views that would put the scales in another order than the codes'.
[[nodiscard]] std::variant<WeightRequest, Skip> RequestWeight(const RuleContext& context,
                                                              const ConstantView& view, const WeightUse& use);

}  // namespace qi8
