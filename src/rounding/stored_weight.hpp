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
};

// Whether codes are better than the nearest ones.
class Judgement {
 public:
  // `of_numbers` is how much the power of errors of the numbers counts beside that of the product's errors.
  // Where it is not known, the noise of both counts as a share of its signal.
  Judgement(const RoundedWeight& nearest, std::optional<double> of_numbers)
      : nearest_(nearest), of_numbers_(of_numbers) {}

  // As a share of the product's power.
  [[nodiscard]] double Noise(const RoundedWeight& rounded) const;

  // Why they are no better. Empty where they are: where there is less noise, and where the product's numbers
  // have smaller errors in the geometric mean, so that it is not the loud ones alone that are nearer.
  [[nodiscard]] std::string Shortcoming(const RoundedWeight& learned) const;

 private:
  const RoundedWeight& nearest_;
  std::optional<double> of_numbers_;
};

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
