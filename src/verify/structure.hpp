// What must hold of any INT8 model that the quantizer writes, whatever it came from.
#pragma once

#include "model/model.hpp"
#include "qi8/verify.hpp"

namespace qi8 {

// Each a check of its own, see qi8/verify.hpp.
[[nodiscard]] Check CheckNames(const Model& model);
[[nodiscard]] Check CheckOrder(const Model& model);
// Reads scales from the model's files.
[[nodiscard]] Check CheckWeights(const Model& model);

}  // namespace qi8
