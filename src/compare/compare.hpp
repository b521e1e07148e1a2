// Runs two models on ONNX Runtime, each in a process of its own, and measures both.
#pragma once

#include "compare/comparison.hpp"
#include "io/file_system.hpp"
#include "qi8/observer.hpp"

namespace qi8::compare {

// Loads both, runs them in turn with the same inputs, and compares what comes out. Whether it is good enough
// is for Judge (verdict.hpp). Throws Error where a model cannot be loaded or run, where the two are not
// models of the same inputs and outputs, or where options ask for what is not there. Of `observer`, its
// stages and warnings are used.
[[nodiscard]] Comparison Compare(FileSystem& file_system, const CompareOptions& options, Observer& observer);

}  // namespace qi8::compare
