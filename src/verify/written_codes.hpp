// The codes of an INT8 model, taken as they are: for a model whose rounding was learned from inputs that are
// not there. All else that follows from them, and how far they are from the nearest, can still be checked.
#pragma once

#include <span>

#include "exec/rounded_weights.hpp"
#include "io/file_system.hpp"
#include "plan/layout.hpp"
#include "plan/plan.hpp"
#include "prepare/learnable.hpp"

namespace qi8 {

// The files of the INT8 model.
struct WrittenFiles {
  const ReadableFile& model;
  const ReadableFile& data;
};

// The codes of the weights of `plan` that are among `learnable`, out of the places that they have in the
// files. A weight whose place is not in its file is left out. `source` is the FP32 model, rewritten.
[[nodiscard]] RoundedWeights CodesOfWritten(FileSystem& file_system, const Model& source, const Plan& plan,
                                            const Layout& layout, std::span<const Learnable> learnable,
                                            const WrittenFiles& files);

}  // namespace qi8
