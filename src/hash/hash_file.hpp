// The SHA-256 of a file that is read for nothing else.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "io/file_system.hpp"

namespace qi8 {

// `should_stop` is asked every now and then; where it says so, Error of kind kInterrupted. `on_progress`, if
// it is given, is told how many bytes of how many are read.
[[nodiscard]] std::string HashFile(const ReadableFile& file, const std::function<bool()>& should_stop,
                                   const std::function<void(std::uint64_t, std::uint64_t)>& on_progress = {});

}  // namespace qi8
