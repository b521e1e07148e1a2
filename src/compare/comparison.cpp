#include "compare/comparison.hpp"

#include <algorithm>

namespace qi8::compare {

double Percentile(std::vector<double> values, unsigned percent) {
  const std::size_t rank = std::max<std::size_t>(1, (values.size() * percent + 99) / 100);
  const auto place = values.begin() + static_cast<std::ptrdiff_t>(rank - 1);
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

double Speedup(const CaseResult& result) {
  const double int8 = Median(result.seconds.int8);
  return int8 > 0 ? Median(result.seconds.fp32) / int8 : 0;
}

}  // namespace qi8::compare
