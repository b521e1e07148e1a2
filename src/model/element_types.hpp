// What type the elements of each value are of.
#pragma once

#include <vector>

#include "model/model.hpp"

namespace qi8 {

// By ValueId: what the model declares and, forward through operators that keep the type of an input, what
// follows from it. kUndefined where nothing is known; nodes that stand before those whose outputs they read
// are no error, and learn nothing.
[[nodiscard]] std::vector<DataType> InferElementTypes(const Model& model);

}  // namespace qi8
