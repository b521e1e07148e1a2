// Numbers with a unit behind them.
#pragma once

#include <CLI/CLI.hpp>

namespace qi8::cli {

// Each turns text as "80ms" into the number that the option takes; a bare number stays as it is. Units are
// matched in either case.

// Seconds: s, ms, us.
[[nodiscard]] CLI::Validator InSeconds();
// A share of 1: %.
[[nodiscard]] CLI::Validator AsShare();
// Bytes, whole ones: KB, MB, GB of 1000, KiB, MiB, GiB of 1024.
[[nodiscard]] CLI::Validator InBytes();

}  // namespace qi8::cli
