#include "tune/sketch.hpp"

#include <cstdint>

namespace qi8::tune {
namespace {

// The finalizer of SplitMix64 (Steele, Lea and Flood, 2014): neighbouring numbers become unlike ones.
std::uint64_t Scatter(std::uint64_t number) {
  number += 0x9E3779B97F4A7C15ULL;
  number = (number ^ (number >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  number = (number ^ (number >> 27U)) * 0x94D049BB133111EBULL;
  return number ^ (number >> 31U);
}

}  // namespace

void AddToSketch(std::span<const double> vector, double factor, std::span<float> sketch) {
  for (std::size_t i = 0; i < vector.size(); ++i) {
    const double value = factor * vector[i];
    if (vector.size() <= sketch.size()) {
      sketch[i] += static_cast<float>(value);
      continue;
    }
    const std::uint64_t place = Scatter(i);
    sketch[(place >> 1U) % sketch.size()] += static_cast<float>((place & 1U) != 0 ? value : -value);
  }
}

}  // namespace qi8::tune
