// What --store-int8 could do for a model that stays as it is for the most part.
#pragma once

#include <string>
#include <vector>

#include "qi8/report.hpp"

namespace qi8 {

// The operators whose weights were left alone for no other reason than that nobody asked to store them as
// INT8, where these weights are more than half of the output; none where they are less. Of a model of which
// nothing is quantized the input counts instead.
[[nodiscard]] std::vector<std::string> WorthStoring(const PlanReport& plan);

}  // namespace qi8
