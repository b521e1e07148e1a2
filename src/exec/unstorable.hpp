// Weights that have a number that no code stands for: a NaN or an infinity; for float16, also one that it
// cannot hold.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>

#include "core/encoding.hpp"
#include "exec/tile_values.hpp"
#include "model/model.hpp"
#include "plan/plan.hpp"
#include "qi8/error.hpp"

namespace qi8 {

struct UnstorableElement {
  std::uint64_t index = 0;  // in the order of storage
  Encoding encoding;        // that cannot hold it
};

// The first such element, where the encoding cannot hold all of the numbers.
[[nodiscard]] std::optional<std::uint64_t> FindUnstorable(const Encoding& encoding, const TileValues& values);

// A weight that was to be stored in few bits has one; the message names tensor and index.
class UnstorableWeight : public Error {
 public:
  UnstorableWeight(const Model& model, TensorId tensor, const UnstorableElement& element);
};

// The first such element of each tensor that has one.
using UnstorableElements = std::map<TensorId, UnstorableElement>;

// Reads the tensors that the plan quantizes, in memory of a tile; others may have what they like.
// `should_stop` is asked between tiles; true throws Error of kind kInterrupted.
[[nodiscard]] UnstorableElements FindUnstorable(const Model& model, const Plan& plan,
                                                const std::function<bool()>& should_stop);

// Their tensors.
[[nodiscard]] std::set<TensorId> TensorsOf(const UnstorableElements& elements);

}  // namespace qi8
