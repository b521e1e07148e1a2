// How near one output of the INT8 model is to that of the FP32 one.
#pragma once

#include <span>

#include "compare/comparison.hpp"
#include "runtime/onnx_runtime.hpp"

namespace qi8::compare {

// Whether the last axis of an output is one of classes, so that the largest element along it is a choice:
// floating point, of rank 2 or more, its last dimension 2 or more and fixed in the model (time and batch
// mostly are not); and no input is declared just so: what goes in again is a state.
[[nodiscard]] bool HasClasses(const runtime::ValueInfo& output,
                              const std::vector<runtime::ValueInfo>& inputs);

// Outputs of different shapes, as of a model that chooses what to give, are as far apart as can be. Throws
// Error where their types differ.
[[nodiscard]] OutputResult CompareOutput(const std::string& name, bool has_classes,
                                         const runtime::Tensor& fp32, const runtime::Tensor& int8);

// What several sets of inputs come to: the least SQNR and cosine, the largest difference, and of all places
// together the share that is the same. Of one output each; there is at least one.
[[nodiscard]] OutputResult Combine(std::span<const OutputResult> results);

}  // namespace qi8::compare
