#include "io/peak_memory.hpp"

#include <sys/resource.h>

namespace qi8 {

std::uint64_t PeakMemory() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  constexpr std::uint64_t kUnit = 1024;  // Linux counts in KiB
  return static_cast<std::uint64_t>(usage.ru_maxrss) * kUnit;
}

}  // namespace qi8
