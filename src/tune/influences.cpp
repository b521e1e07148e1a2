#include "tune/influences.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

namespace qi8::tune {
namespace {

bool IsMeasured(const ChoiceMeasure& choice) {
  const auto is_finite = [](double noise) { return std::isfinite(noise); };
  return choice.is_measured && choice.injected > 0 && std::ranges::all_of(choice.noise, is_finite);
}

}  // namespace

std::vector<double> NoiseByOutput(const Measurements& measured, const ChoiceMeasure& choice) {
  std::vector<double> noise(measured.outputs.size(), 0);
  for (std::size_t at = 0; at < measured.signal.size(); ++at) {
    noise[at % noise.size()] += choice.noise[at] * measured.signal[at];
  }
  return noise;
}

std::vector<double> NoiseOfAll(const Measurements& measured) {
  std::vector<double> all(measured.outputs.size(), 0);
  for (const UnitMeasure& unit : measured.units) {
    const ChoiceMeasure& choice = unit.choices.front();
    if (!IsMeasured(choice)) continue;
    const std::vector<double> noise = NoiseByOutput(measured, choice);
    std::ranges::transform(all, noise, all.begin(), std::plus());
  }
  return all;
}

rounding::Influences InfluencesOf(const Measurements& nearest, std::span<const compare::InputSet> cases) {
  const std::vector<double> all = NoiseOfAll(nearest);
  rounding::Influences influences{.nodes = {}, .input_bytes = rounding::BytesOf(cases)};
  for (const UnitMeasure& unit : nearest.units) {
    const ChoiceMeasure& choice = unit.choices.front();
    if (!IsMeasured(choice) || unit.unit.members.size() != 1) continue;
    const std::vector<double> noise = NoiseByOutput(nearest, choice);
    double sum = 0;
    for (std::size_t i = 0; i < all.size(); ++i) sum += all[i] > 0 ? noise[i] / all[i] : 0;
    influences.nodes[unit.unit.members.front()] = {.of_error = sum / choice.injected, .noise = sum};
  }
  return influences;
}

}  // namespace qi8::tune
