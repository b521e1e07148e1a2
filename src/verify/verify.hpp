// Verify on any file system.
#pragma once

#include "io/file_system.hpp"
#include "qi8/verify.hpp"

namespace qi8 {

[[nodiscard]] VerifyReport Verify(FileSystem& file_system, const VerifyOptions& options, Observer& observer,
                                  Optimizer* optimizer = nullptr);

}  // namespace qi8
