// CheckAuditLog on any file system.
#pragma once

#include "io/file_system.hpp"
#include "qi8/audit.hpp"

namespace qi8 {

[[nodiscard]] AuditCheck CheckAuditLog(const ReadableFile& log,
                                       const std::function<void(const AuditedRun&)>& visit);

}  // namespace qi8
