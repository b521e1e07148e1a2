#include "rounding/influence.hpp"

#include <algorithm>
#include <cmath>

namespace qi8::rounding {
namespace {

// A product that counts less is learned from as if it counted this much, as even what counts for nothing with
// these inputs may count with others.
constexpr double kLeastFactor = 0x1p-10;

// By the logarithm, but without log2 and exp2, whose present versions a glibc from before 2019 does not have.
double NearestPowerOfTwo(double x) {
  constexpr double kMiddle = 0.70710678118654752;  // of 1/2 and 1
  int exponent = 0;
  const double fraction = std::frexp(x, &exponent);
  return std::ldexp(1, fraction < kMiddle ? exponent - 1 : exponent);
}

// The largest of the products of a weight; nothing where one is not known, or counts for nothing.
std::optional<double> MostOf(const Learnable& weight, const Influences& influences) {
  double most = 0;
  for (const Use& use : weight.uses) {
    const auto found = influences.nodes.find(use.node);
    if (found == influences.nodes.end() || !std::isfinite(found->second.of_error)) return std::nullopt;
    most = std::max(most, found->second.of_error);
  }
  return most > 0 ? std::optional(most) : std::nullopt;
}

}  // namespace

std::uint64_t BytesOf(std::span<const compare::InputSet> cases) {
  std::uint64_t sum = 0;
  for (const compare::InputSet& one : cases) {
    for (const runtime::Tensor& input : one.inputs) sum += input.data.size();
  }
  return sum;
}

std::vector<double> FactorsOf(const Learnable& weight, const Influences& influences) {
  std::vector<double> factors(weight.uses.size(), 1);
  const auto most = MostOf(weight, influences);
  if (!most) return factors;
  for (std::size_t i = 0; i < factors.size(); ++i) {
    const double share = influences.nodes.at(weight.uses[i].node).of_error / *most;
    factors[i] = NearestPowerOfTwo(std::max(share, kLeastFactor));
  }
  return factors;
}

std::optional<double> FactorOfNumbers(const Learnable& weight, const Influences& influences,
                                      std::uint64_t input_bytes, double nearest_noise) {
  const auto most = MostOf(weight, influences);
  if (!most || weight.readers.empty() || !(nearest_noise > 0) || influences.input_bytes == 0) {
    return std::nullopt;
  }
  double noise = 0;
  for (const NodeId reader : weight.readers) {
    const auto found = influences.nodes.find(reader);
    if (found == influences.nodes.end() || !std::isfinite(found->second.noise)) return std::nullopt;
    noise += found->second.noise;
  }
  const double ratio = static_cast<double>(input_bytes) / static_cast<double>(influences.input_bytes);
  constexpr double kLeast = 1e-300;
  return NearestPowerOfTwo(std::max(noise * ratio / nearest_noise / *most, kLeast));
}

}  // namespace qi8::rounding
