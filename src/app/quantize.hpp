// The whole job on any file system: what the public qi8::Quantize does on the real one.
#pragma once

#include "io/file_system.hpp"
#include "prepare/rounder.hpp"
#include "qi8/quantize.hpp"

namespace qi8 {

// `rounder` may be null where options.rounding is kNearest, and in a dry run.
[[nodiscard]] RunReport Quantize(FileSystem& file_system, const QuantizeOptions& options, Observer& observer,
                                 Optimizer* optimizer = nullptr, Rounder* rounder = nullptr);

}  // namespace qi8
