// Which weights have a NaN or an infinity.
#pragma once

#include <cstdint>
#include <functional>
#include <set>

#include "model/model.hpp"

namespace qi8 {

// Reads every floating-point tensor that nodes may have as a weight, in memory of a tile. `should_stop` is
// asked between tiles; true throws Error of kind kInterrupted.
[[nodiscard]] std::set<TensorId> FindNonFiniteTensors(const Model& model,
                                                      const std::function<bool()>& should_stop);

}  // namespace qi8
