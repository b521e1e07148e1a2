// A comparison for its readers: people at a terminal, programs, and people with a browser.
#pragma once

#include <string>
#include <string_view>

#include "compare/comparison.hpp"
#include "compare/verdict.hpp"

namespace qi8::compare {

// The table, a table of outputs where there are several, and the verdict.
[[nodiscard]] std::string ReportText(const Comparison& comparison, const Judgement& judgement);

// Everything that was measured, each run included; seconds, bytes, decibels. What JSON has no number for
// (infinite, not a number) is null, or, where it may be meant, "inf" or "-inf".
[[nodiscard]] std::string ReportJson(const CompareOptions& options, const Comparison& comparison,
                                     const Judgement& judgement);

// What the page below begins with, and by which it is known later as one that may be replaced.
inline constexpr std::string_view kReportMark =
    "<!doctype html>\n<!-- written by quantize-int8 compare, which may replace this file -->\n";

// One page with nothing from elsewhere: no script, no font, no address. Charts are SVG.
[[nodiscard]] std::string ReportHtml(const CompareOptions& options, const Comparison& comparison,
                                     const Judgement& judgement);

}  // namespace qi8::compare
