// Tensors that are another one transposed: an embedding and the last projection, whose transposition an
// exporter or an optimizer folded into a second copy of the same numbers.
#pragma once

#include <functional>

#include "model/model.hpp"

namespace qi8 {

// The matrices of floating-point numbers that are an earlier one of the same graph transposed, to the bit. (A
// node of one graph cannot read what stands in the body of another.) Candidates are found
// by their dimensions and a few numbers of each; for those, both tensors are read whole, in memory of two
// tiles. `should_stop` is asked now and then; true throws Error of kind kInterrupted. May be empty.
[[nodiscard]] Twins FindTwins(const Model& model, const std::function<bool()>& should_stop);

}  // namespace qi8
