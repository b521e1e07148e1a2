// What is known of the range of an activation from the operators that make it.
#pragma once

#include <vector>

#include "model/model.hpp"

namespace qi8 {

// Where most numbers of a row lie. It decides how a row can be quantized for the least cost: where zero is
// what most numbers lie near, a constant zero point serves all rows. It is not a promise: a row may have
// other numbers.
enum class ActivationRange {
  kUnknown,      // anything: a row may have one sign and lie far from zero, as a spectrum does
  kCentered,     // about zero, with both signs: what a norm, a difference or a product with weights gives
  kLowerTail,    // from slightly below zero upwards: GELU, SiLU
  kNonNegative,  // from zero upwards, and zero is common: ReLU, Softmax
};

// By ValueId, of every value of the model. A wrong answer would cost accuracy, kUnknown costs a little time.
[[nodiscard]] std::vector<ActivationRange> InferRanges(const Model& model);

}  // namespace qi8
