// What the process took of the machine.
#pragma once

#include <cstdint>

namespace qi8 {

// The largest resident set that the process had, in bytes.
[[nodiscard]] std::uint64_t PeakMemory();

}  // namespace qi8
