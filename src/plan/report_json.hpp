// Plans as JSON values, for those who put them into more.
#pragma once

#include <nlohmann/json.hpp>

#include "qi8/report.hpp"

namespace qi8 {

[[nodiscard]] nlohmann::ordered_json ToJson(const PlanReport& plan);

[[nodiscard]] nlohmann::ordered_json ToJson(const RoundingReport& rounding);

}  // namespace qi8
