// What to say where products saturate (runtime/saturation.hpp).
#pragma once

#include <string>

#include "model/model.hpp"

namespace qi8::compare {

// Whether it multiplies activations by int8 codes of weights.
[[nodiscard]] bool MultipliesInt8(const Model& model);

// For such a model, on a processor on which that saturates.
[[nodiscard]] std::string SaturationNote();

}  // namespace qi8::compare
