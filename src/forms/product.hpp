// The product of an activation and a constant weight, which rules ask for and forms spell.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "edit/activation_range.hpp"
#include "edit/edit_builder.hpp"
#include "qi8/form.hpp"

namespace qi8 {

struct Product {
  Operand x;                         // [.., K]; its rows are what lies along the last axis
  DataType type = DataType::kFloat;  // of x
  WeightRequest weight;              // [.., K, N]
  Form form;                         // that is asked for
  bool runtime_has_blocks = true;    // the oldest runtime that is to run it has MatMulNBits with 8 bits
  ActivationRange range = ActivationRange::kUnknown;  // of x
  // The scales of a batch of matrices are [D.., 1, N]. Where the rank of x shows only when the model runs,
  // they must lose the 1 then if x is a vector.
  bool scales_follow_rank = false;
};

// A form of products: each is a file of its own, as kFormOf<Kind>.
struct ProductForm {
  FormKind kind;
  // Why this product cannot have the form; nothing: it can.
  std::optional<std::string> (*obstacle)(const EditBuilder& edit, const Product& product);
  // Adds the product in the form; gives it in float32.
  Operand (*add)(EditBuilder& edit, const Product& product);
};

// The product in float32, in the form that is asked for or, where it cannot have that, in the nearest that it
// can. The edit says which it is.
[[nodiscard]] Operand AddProduct(EditBuilder& edit, const Product& product);

// Numbers of a weight by (group, channel), of the dimensions of its scales, as they broadcast against the
// product.
[[nodiscard]] Operand AddBroadcast(EditBuilder& edit, const Product& product, const Operand& numbers);

// DynamicQuantizeLinear came with this opset.
inline constexpr std::int64_t kDynamicQuantizationOpset = 11;

// "opset 9; 11 or later is needed", for obstacles; nothing where the model's opset has what is needed.
[[nodiscard]] std::optional<std::string> LacksOpset(const EditBuilder& edit, std::int64_t needed);

}  // namespace qi8
