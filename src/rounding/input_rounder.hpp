// The rounder of the program: it learns from recorded inputs.
#pragma once

#include "compare/comparison.hpp"
#include "io/file_system.hpp"
#include "prepare/rounder.hpp"
#include "qi8/observer.hpp"

namespace qi8::rounding {

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

}  // namespace qi8::rounding
