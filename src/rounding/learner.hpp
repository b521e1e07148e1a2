// Learns the rounding of a model's weights from inputs: runs the FP32 model on ONNX Runtime, takes what its
// products are given, and chooses the codes of each weight by it (gptq.hpp). A weight whose product is not
// nearer to that of FP32 on other inputs keeps the codes that are nearest.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "compare/comparison.hpp"
#include "exec/rounded_weights.hpp"
#include "io/file_system.hpp"
#include "model/model.hpp"
#include "prepare/learnable.hpp"
#include "qi8/observer.hpp"
#include "qi8/report.hpp"
#include "rounding/influence.hpp"
#include "rounding/split.hpp"

namespace qi8::rounding {

struct Learning {
  RoundedWeights codes;
  std::vector<LearnedWeight> weights;
};

class Learner {
 public:
  // `path` is the FP32 model, `mask` the place of the input that switches positions off.
  Learner(FileSystem& file_system, std::filesystem::path path, const compare::RuntimeOptions& options,
          Observer& observer)
      : file_system_(file_system), path_(std::move(path)), options_(options), observer_(observer) {}

  // `influences` say how much errors of the users of a weight count, as far as that is known.
  //
  // Takes memory for the model, one weight with its H (8 K^2 bytes, twice while it is factored), and what the
  // products of a group of weights are given with all cases: kTapBytes, or what one weight needs. Codes go to
  // a temporary file, a byte for each element. Throws Error where the model cannot be run with a case.
  [[nodiscard]] Learning Learn(std::vector<Learnable> weights, const Influences& influences,
                               const SplitCases& cases, std::optional<std::size_t> mask);

 private:
  FileSystem& file_system_;
  std::filesystem::path path_;
  const compare::RuntimeOptions& options_;
  Observer& observer_;
};

}  // namespace qi8::rounding
