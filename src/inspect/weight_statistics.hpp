// What a weight's numbers are like, in memory of a few tiles.
#pragma once

#include <functional>

#include "plan/plan.hpp"
#include "qi8/inspect.hpp"

namespace qi8 {

// Of a floating-point tensor of the model. `weight`: what the plan makes of it, null where it stays as it is.
// `should_stop` is asked between tiles; true throws Error of kind kInterrupted.
[[nodiscard]] WeightStatistics StatisticsOf(const Model& model, TensorId tensor,
                                            const QuantizedWeight* weight,
                                            const std::function<bool()>& should_stop);

}  // namespace qi8
