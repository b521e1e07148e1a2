#include "tune/influences.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

namespace qi8::tune {
namespace {

// The power of the noise at each output, over all cases.
std::vector<double> NoiseByOutput(const Measurements& measured, const ChoiceMeasure& choice) {
  std::vector<double> noise(measured.outputs.size(), 0);
  for (std::size_t at = 0; at < measured.signal.size(); ++at) {
    noise[at % noise.size()] += choice.noise[at] * measured.signal[at];
  }
  return noise;
}

}  // namespace

rounding::Influences InfluencesOf(const Measurements& nearest, std::span<const compare::InputSet> cases) {
  std::map<const UnitMeasure*, std::vector<double>> by_unit;
  std::vector<double> all(nearest.outputs.size(), 0);
  for (const UnitMeasure& unit : nearest.units) {
    const ChoiceMeasure& choice = unit.choices.front();
    if (!choice.is_measured || !(choice.injected > 0)) continue;
    std::vector<double> noise = NoiseByOutput(nearest, choice);
    if (!std::ranges::all_of(noise, [](double power) { return std::isfinite(power); })) continue;
    for (std::size_t i = 0; i < all.size(); ++i) all[i] += noise[i];
    by_unit.emplace(&unit, std::move(noise));
  }
  rounding::Influences influences{.nodes = {}, .input_bytes = rounding::BytesOf(cases)};
  for (const auto& [unit, noise] : by_unit) {
    if (unit->unit.members.size() != 1) continue;
    double sum = 0;
    for (std::size_t i = 0; i < all.size(); ++i) sum += all[i] > 0 ? noise[i] / all[i] : 0;
    influences.nodes[unit->unit.members.front()] = {.of_error = sum / unit->choices.front().injected,
                                                    .noise = sum};
  }
  return influences;
}

}  // namespace qi8::tune
