// A tuning as a page with charts.
#pragma once

#include <string>
#include <string_view>

#include "tune/tune.hpp"

namespace qi8::tune {

// What every such page begins with.
inline constexpr std::string_view kReportMark =
    "<!doctype html>\n<!-- written by quantize-int8 tune, which may replace this file -->\n";

// What can be had as a curve with the plan on it, each node's share of noise and time, and a table that can
// be sorted.
[[nodiscard]] std::string ReportHtml(const TuneOptions& options, const Tuning& tuning);

}  // namespace qi8::tune
