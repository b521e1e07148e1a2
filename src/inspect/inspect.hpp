// Inspect on any file system.
#pragma once

#include "io/file_system.hpp"
#include "qi8/inspect.hpp"

namespace qi8 {

[[nodiscard]] InspectReport Inspect(FileSystem& file_system, const InspectOptions& options,
                                    Observer& observer);

}  // namespace qi8
