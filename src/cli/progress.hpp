// How far a run is, in a line.
#pragma once

#include <cstdint>
#include <string>

namespace qi8::cli {

// "1.2 GB of 4.3 GB (27 %), 1.5 GB/s, 2 s left" after so many seconds. How fast it is and what is left are
// said once the run has gone on for a while: what the first few bytes took says nothing of the rest.
[[nodiscard]] std::string ProgressText(std::uint64_t done, std::uint64_t total, double seconds);

// "120 of 312 measurements (38 %), 40 s left"
[[nodiscard]] std::string MeasuredText(std::uint64_t done, std::uint64_t total, double seconds);

}  // namespace qi8::cli
