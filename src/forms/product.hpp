// The product of an activation and a constant weight, which rules ask for and forms spell.
#pragma once

#include <cstdint>

#include "edit/edit_builder.hpp"

namespace qi8 {

struct Product {
  Operand x;                         // [.., K]; its rows are what lies along the last axis
  DataType type = DataType::kFloat;  // of x
  WeightRequest weight;              // [.., K, N]
  // The scales of a batch of matrices are [D.., 1, N]. Where the rank of x shows only when the model runs,
  // they must lose the 1 then if x is a vector.
  bool scales_follow_rank = false;
};

// The product in float32.
[[nodiscard]] Operand AddProduct(EditBuilder& edit, const Product& product);

// Numbers of a weight by (group, channel), of the dimensions `dims`, as they broadcast against the product.
[[nodiscard]] Operand AddBroadcast(EditBuilder& edit, const Product& product, const Operand& numbers);

// DynamicQuantizeLinear came with this opset.
inline constexpr std::int64_t kDynamicQuantizationOpset = 11;

}  // namespace qi8
