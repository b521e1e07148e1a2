// Constants as the nodes that read them see them: through any number of Identity, Cast, Transpose, Reshape,
// Flatten, Squeeze and Unsqueeze. Nothing of that moves a byte: a view is a way to walk the stored tensor.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "model/model.hpp"
#include "qi8/report.hpp"

namespace qi8 {

struct ConstantView {
  TensorId tensor = kNone;               // as it is stored
  DataType type = DataType::kUndefined;  // as it is seen, after casts among floating-point types
  std::vector<std::int64_t> dims;        // as it is seen
  std::vector<std::uint64_t> strides;    // in elements of the stored tensor; of a dimension of 1: any
  bool is_overridable = false;           // the tensor is an initializer and a graph input

  friend bool operator==(const ConstantView&, const ConstantView&) = default;
};

// The view that leads to the value, or why there is none.
[[nodiscard]] std::variant<ConstantView, Skip> ViewConstant(const Model& model, ValueId id);

// Whether the node only shows a constant in another way, as above.
[[nodiscard]] bool IsViewOperator(const Node& node);

}  // namespace qi8
