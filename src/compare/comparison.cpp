#include "compare/comparison.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace qi8::compare {

double Percentile(std::vector<double> values, unsigned percent) {
  const std::size_t rank = std::max<std::size_t>(1, (values.size() * percent + 99) / 100);
  const auto place = values.begin() + static_cast<std::ptrdiff_t>(rank - 1);
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

std::string WorstSet(const CaseResult& result, std::size_t output) {
  const SetResult* worst = nullptr;
  for (const SetResult& set : result.sets) {
    const auto sqnr = set.outputs.at(output).sqnr_db;
    if (sqnr && (worst == nullptr || *sqnr < *worst->outputs.at(output).sqnr_db)) worst = &set;
  }
  return worst == nullptr ? "" : worst->label;
}

std::optional<double> OverallSqnr(const CaseResult& result, std::size_t output) {
  double signal = 0;
  double noise = 0;
  for (const SetResult& set : result.sets) {
    const OutputResult& one = set.outputs.at(output);
    if (!one.sqnr_db) return std::nullopt;
    signal += one.signal;
    noise += one.noise;
  }
  if (result.sets.empty()) return std::nullopt;
  return noise == 0 ? std::numeric_limits<double>::infinity() : 10 * std::log10(signal / noise);
}

double Speedup(const CaseResult& result) {
  const double int8 = Median(result.seconds.int8);
  return int8 > 0 ? Median(result.seconds.fp32) / int8 : 0;
}

}  // namespace qi8::compare
