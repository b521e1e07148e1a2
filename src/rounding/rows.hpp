// The rows that a weight is multiplied with, out of what the model computed.
#pragma once

#include <vector>

#include "edit/edit.hpp"
#include "rounding/gptq.hpp"
#include "runtime/tensor.hpp"

namespace qi8::rounding {

// How many matrices [K, N] a factor consists of: 1, or those of a batch.
[[nodiscard]] std::size_t MatricesOf(const MatrixFactor& factor);

// Adds the rows [.., K] of `x`, the other factor of a product, to those that each matrix of the factor is
// multiplied with. Leading dimensions broadcast as those of MatMul. Rows that are not finite are left out:
// nothing can be learned from them. Throws Error where x does not fit the factor.
void AddRows(const runtime::Tensor& x, const MatrixFactor& factor, std::vector<Floats>& rows);

}  // namespace qi8::rounding
