// How much an error of each user of a weight counts: what it brings to the outputs of the model.
//
// A weight that several nodes use has one copy of codes, which is good for some of them at the cost of
// others. In a model whose layers are one, repeated, an error in the last layer may count a hundred times as
// much as one in the first; and an embedding that is the last projection, too, counts little in the one place
// and much in the other.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "compare/cases.hpp"
#include "model/tensor.hpp"
#include "prepare/learnable.hpp"

namespace qi8::rounding {

// Noise at an output is a share of all noise there with the nearest codes, so that all outputs count alike,
// and is summed over the outputs.
struct Influence {
  double of_error = 0;  // noise for each unit of power of the error of what the node gives
  double noise = 0;     // all noise of the node with the nearest codes
};

struct Influences {
  std::map<NodeId, Influence> nodes;  // those that were measured
  std::uint64_t input_bytes = 0;      // of all cases that they were measured with
};

// The bytes of all inputs.
[[nodiscard]] std::uint64_t BytesOf(std::span<const compare::InputSet> cases);

// How much the power of the error of each product counts, in the order of Learnable::uses: the most is 1.
// Powers of two, so that the last bits of what was measured do not decide what is learned. All are 1 where
// one of them is not known.
[[nodiscard]] std::vector<double> FactorsOf(const Learnable& weight, const Influences& influences);

// How much the power of the error of the weight's numbers counts beside that of its products' errors with
// inputs of so many bytes: a power of two. `nearest_noise` is the power that it has with the nearest codes.
// Nothing where no influence is known, or nobody reads the numbers.
[[nodiscard]] std::optional<double> FactorOfNumbers(const Learnable& weight, const Influences& influences,
                                                    std::uint64_t input_bytes, double nearest_noise);

}  // namespace qi8::rounding
