// Long runs that are handled piece by piece.
#pragma once

#include <algorithm>
#include <cstdint>

namespace qi8 {

// How much to take at `at`, but no more than `most` (> 0), of a run of units that begin at multiples of
// `unit`
// (> 0): whole units, or a part of one where a unit is more. `at` is where such a piece ended, or 0.
[[nodiscard]] constexpr std::uint64_t PieceLength(std::uint64_t at, std::uint64_t unit, std::uint64_t most) {
  return unit <= most ? most / unit * unit : std::min(most, unit - at % unit);
}

}  // namespace qi8
