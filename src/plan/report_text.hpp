// Plans and runs in words and as JSON.
#pragma once

#include <string>

#include "qi8/report.hpp"

namespace qi8 {

// One line a node: what becomes of its weight, and why; then the sizes of the outputs.
[[nodiscard]] std::string PlanTable(const PlanReport& plan);

// Nodes left in FP32, grouped by operator and reason; empty where there are none.
[[nodiscard]] std::string SkipTable(const PlanReport& plan);

// Whether the output is larger than the input.
[[nodiscard]] bool Grows(const PlanReport& plan);

// Why nothing of the model is quantized, as the end of a sentence: "most of its weights ...".
[[nodiscard]] std::string WhyNothing(const PlanReport& plan);

// The line that says what would make the output smaller; empty where there is no such advice.
[[nodiscard]] std::string Advice(const PlanReport& plan);

// Counts, skips by reason, sizes.
[[nodiscard]] std::string PlanSummary(const PlanReport& plan);

// What a run ends with: counts, skips by reason, sizes, reduction, time, peak memory.
[[nodiscard]] std::string Summary(const RunReport& run);

// One JSON object, indented, with a line feed behind it.
[[nodiscard]] std::string RunJson(const RunReport& run);

}  // namespace qi8
