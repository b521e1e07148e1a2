// Verify on any file system.
#pragma once

#include "io/file_system.hpp"
#include "prepare/rounder.hpp"
#include "qi8/verify.hpp"

namespace qi8 {

// `rounder` learns again what was learned; null: see RederiveSource.
[[nodiscard]] VerifyReport Verify(FileSystem& file_system, const VerifyOptions& options, Observer& observer,
                                  Optimizer* optimizer = nullptr, Rounder* rounder = nullptr);

}  // namespace qi8
