// A log that several processes append to.
#pragma once

#include <functional>

#include "io/file_system.hpp"

namespace qi8::posix {

// FileSystem::RequireLog and AppendLocked on a real disk.
void RequireLog(const LogPlace& log);
void AppendLocked(const LogPlace& log, const ComposeLine& compose, const std::function<bool()>& should_stop);

}  // namespace qi8::posix
