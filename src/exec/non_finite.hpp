// Weights that have a NaN or an infinity, which no code stands for.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>

#include "model/model.hpp"
#include "plan/plan.hpp"
#include "qi8/error.hpp"

namespace qi8 {

// A weight that was to be quantized has one; the message names tensor and index.
class NonFiniteWeight : public Error {
 public:
  NonFiniteWeight(const Model& model, TensorId tensor, std::uint64_t element);
};

// The first such element of each tensor that has one.
using NonFiniteElements = std::map<TensorId, std::uint64_t>;

// Reads the tensors that the plan quantizes, in memory of a tile; others may have what they like.
// `should_stop` is asked between tiles; true throws Error of kind kInterrupted.
[[nodiscard]] NonFiniteElements FindNonFinite(const Model& model, const Plan& plan,
                                              const std::function<bool()>& should_stop);

// Their tensors.
[[nodiscard]] std::set<TensorId> TensorsOf(const NonFiniteElements& elements);

}  // namespace qi8
