// The rounder of the program: it learns from recorded inputs, and keeps what brings the model's outputs
// nearer to those of FP32 on others.
#pragma once

#include <optional>
#include <set>
#include <vector>

#include "compare/comparison.hpp"
#include "io/file_system.hpp"
#include "prepare/learnable.hpp"
#include "prepare/rounder.hpp"
#include "qi8/observer.hpp"
#include "rounding/influence.hpp"
#include "rounding/split.hpp"

namespace qi8::tune {

// What is learned for these weights, by how much their users' errors count; nothing is taken back yet.
[[nodiscard]] Rounded LearnFrom(FileSystem& file_system, const compare::RunOptions& options,
                                std::vector<Learnable> weights, const rounding::Influences& influences,
                                const rounding::SplitCases& split, std::optional<std::size_t> mask,
                                Observer& observer);

class InputRounder final : public Rounder {
 public:
  // `options` name the FP32 model. All outlive it.
  InputRounder(FileSystem& file_system, const compare::RunOptions& options, Observer& observer)
      : file_system_(file_system), options_(options), observer_(observer) {}

  // Throws Error of kind kUsage where no inputs are named: what is learned from inputs that are made up makes
  // a model worse with real ones. Else as Split, ReadCases and Learner::Learn do.
  [[nodiscard]] Rounded Round(const Selection& selection, const std::set<TensorId>& kept) override;

 private:
  FileSystem& file_system_;
  const compare::RunOptions& options_;
  Observer& observer_;
};

}  // namespace qi8::tune
