// Made-up weights whose bytes are the same on every machine.
//
// Weight i of a tensor is a function of (key, i) alone: splitmix64 of the counter gives 64 bits, and a table
// of the inverse normal distribution turns them into a normal value. Integers, and IEEE + - * / in a fixed
// order, are all that is used: no libm, whose last bit differs between versions, no std::normal_distribution,
// whose algorithm the standard leaves open, and no fused multiply-add (-ffp-contract=off).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace qi8::models {

enum class ChannelAxis { kNone, kFirst, kLast };

// Real weights differ in size from one output channel to the next and hold a few elements that stick out;
// both are what makes quantizing them hard. One weight of kOutlierPeriod is multiplied by 4 to 8, in tensors
// with channels.
inline constexpr std::uint64_t kOutlierPeriod = 20480;

struct Distribution {
  float mean = 0;
  float deviation = 1;  // root mean square around the mean, outliers aside
  // Every channel of this axis has its own scale: log-uniform over a factor of 4. kNone: no scales, no
  // outliers.
  ChannelAxis channels = ChannelAxis::kNone;
};

class RandomWeights {
 public:
  // A matrix of rows x columns in row-major order; a vector is one row.
  RandomWeights(std::uint64_t seed, std::string_view tensor_name, const Distribution& distribution,
                std::uint64_t rows, std::uint64_t columns);

  // Weights `first`, `first` + 1, ... of the tensor.
  void fill(std::uint64_t first, std::span<float> out) const;

 private:
  Distribution distribution_;
  std::uint64_t key_;
  std::uint64_t columns_;
  std::vector<float> channel_scales_;
};

}  // namespace qi8::models
