// Sketches: short vectors that take the place of long ones, with nearly the same inner products.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace qi8::tune {

// Adds the vector, times `factor`, to the sketch. A vector of no more elements than the sketch has is kept as
// it is; of a longer one each element goes, with a sign, to a place that both follow from its number: the
// inner product of two sketches of m elements is that of the vectors with a standard error of about sqrt(2 /
// m) of the product of their lengths (Charikar, Chen and Farach-Colton, "Finding frequent items in data
// streams", 2002).
void AddToSketch(std::span<const double> vector, double factor, std::span<float> sketch);

}  // namespace qi8::tune
