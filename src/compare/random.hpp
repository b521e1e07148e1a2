// Numbers by chance, the same from the same seed with every standard library.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>
#include <random>

namespace qi8::compare {

class Random {
 public:
  // `stream`: of one seed, each has numbers of its own.
  Random(std::uint64_t seed, std::uint64_t stream) : generator_(seed * 1000003 + stream) {}

  double Uniform(double low, double high) { return low + (high - low) * Unit(); }
  // From low to high, both included.
  std::int64_t Integer(std::int64_t low, std::int64_t high) {
    const std::uint64_t count = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low) + 1;
    const std::uint64_t offset = count == 0 ? generator_() : generator_() % count;
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + offset);
  }
  double Normal() { return std::sqrt(-2 * std::log(1 - Unit())) * std::cos(2 * std::numbers::pi * Unit()); }

 private:
  double Unit() {                                  // [0, 1)
    constexpr double kSteps = 9007199254740992.0;  // 2^53
    return static_cast<double>(generator_() >> 11U) / kSteps;
  }
  std::mt19937_64 generator_;
};

}  // namespace qi8::compare
