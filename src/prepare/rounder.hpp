// What chooses codes of weights by more than the numbers of the weights. The program's learns them from
// inputs (rounding/input_rounder.hpp); nothing below needs to know how.
#pragma once

#include <set>
#include <utility>

#include "exec/rounded_weights.hpp"
#include "model/tensor.hpp"
#include "qi8/options.hpp"
#include "qi8/report.hpp"

namespace qi8 {

struct Rounded {
  RoundedWeights codes;
  RoundingReport report;
};

class Rounder {
 public:
  virtual ~Rounder() = default;

  // Codes of weights that the selection quantizes, but for the tensors of `kept`. Throws Error.
  [[nodiscard]] virtual Rounded Round(const Selection& selection, const std::set<TensorId>& kept) = 0;
};

// Gives what is known already.
class KnownRounder final : public Rounder {
 public:
  explicit KnownRounder(Rounded known) : known_(std::move(known)) {}
  [[nodiscard]] Rounded Round(const Selection&, const std::set<TensorId>&) override { return known_; }

 private:
  Rounded known_;
};

}  // namespace qi8
