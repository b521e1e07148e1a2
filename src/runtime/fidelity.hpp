// How close the output of one model is to that of another.
#pragma once

#include "runtime/tensor.hpp"

namespace qi8::runtime {

// With r the elements of the reference and c those of the candidate:
struct Fidelity {
  // Signal to quantization noise ratio in decibels, 10 log10( sum r^2 / sum (r - c)^2 ): +infinity where
  // nothing differs, -infinity where all r are 0 and some c is not.
  double sqnr_db = 0;
  // Cosine similarity, sum r c / ( sqrt(sum r^2) sqrt(sum c^2) ), from -1 to 1: 1 where both are all 0, 0
  // where one is.
  double cosine = 0;
  // max |r - c|, in the unit of the output.
  double max_abs_difference = 0;
  double signal = 0;  // sum r^2
  double noise = 0;   // sum (r - c)^2; of an infinite error +infinity
};

// Compares two outputs element by element. float, double, float16, bfloat16, bool and all integers are
// compared by their exact values; sums are taken in long double, in the order of the elements, so they
// neither overflow nor depend on anything but the input.
//
// Two NaNs, or two infinities of the same sign, at the same place are equal and enter no sum: models mask
// with -infinity. Any other pair with a NaN or an infinity is an infinite error: sqnr_db is -infinity, cosine
// 0 and max_abs_difference +infinity.
//
// Errors (qi8::Error, kFailure): type or shape differs, data that does not fit its shape, a type not in the
// list above.
[[nodiscard]] Fidelity CompareOutputs(const Tensor& reference, const Tensor& candidate);

// The elements of a tensor of floating point, of whatever width. Errors: as above.
[[nodiscard]] std::vector<double> ToDoubles(const Tensor& tensor);

}  // namespace qi8::runtime
