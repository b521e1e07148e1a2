// A weight as the FP32 model stores it, and what becomes of it with some way to round it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "exec/extremes.hpp"
#include "model/model.hpp"
#include "prepare/learnable.hpp"
#include "rounding/gptq.hpp"

namespace qi8::rounding {

// Rows [.., K] for each matrix [K, N] of a weight.
using RowsOfMatrices = std::vector<Floats>;

// The codes of a weight, and what they do to the inputs that judge.
struct RoundedWeight {
  std::vector<std::int8_t> codes;  // as the weight is stored
  unsigned most_steps = 0;         // from the nearest codes
  ProductError product;
  ProductError itself;  // of the numbers that are read themselves, if they are

  // As a share of the signal. Of both errors, the shares are what adds up.
  [[nodiscard]] double noise() const { return product.share() + itself.share(); }
};

// Why learned codes are no better than the nearest ones. Empty where they are: where the product has less
// noise, and where its numbers have smaller errors in the geometric mean, so that it is not the loud ones
// alone that are nearer.
[[nodiscard]] std::string Shortcoming(const RoundedWeight& learned, const RoundedWeight& nearest);

// Codes for one matrix of a weight; nothing where there is no way to have them.
using Rounder =
    std::function<std::optional<Codes>(std::size_t matrix, const Floats& numbers, const CodeGrid& grid)>;

[[nodiscard]] std::optional<Codes> RoundedToNearest(std::size_t matrix, const Floats& numbers,
                                                    const CodeGrid& grid);

class StoredWeight {
 public:
  // Keeps a reference to `weight`.
  [[nodiscard]] static StoredWeight Read(const Model& model, const Learnable& weight);

  // Nothing where the rounder has nothing for one of the matrices.
  [[nodiscard]] std::optional<RoundedWeight> Round(const RowsOfMatrices& judges,
                                                   const Rounder& rounder) const;

 private:
  class Places;

  StoredWeight(const Learnable& weight, std::vector<float> numbers, ChannelParameters parameters)
      : weight_(weight), numbers_(std::move(numbers)), parameters_(std::move(parameters)) {}

  [[nodiscard]] Floats NumbersOf(const Places& places) const;
  [[nodiscard]] CodeGrid GridOf(const Places& places) const;

  const Learnable& weight_;
  std::vector<float> numbers_;
  ChannelParameters parameters_;
};

}  // namespace qi8::rounding
