// Charts as SVG to stand in a page. They are as wide as the page lets them be: places along x are
// percentages, so that text and dots keep their size at any width. Colours are those of the page's classes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compare/comparison.hpp"

namespace qi8::compare {

// Text as HTML; control characters are shown as \xNN.
[[nodiscard]] std::string Escape(const std::string& text);

// Two bars below each other, each labelled at its end, and a mark where a limit is. Values are not negative.
struct BarPair {
  Both<double> values;
  Both<std::string> labels;
  double full = 1;  // the value of a bar of the whole width
  std::optional<double> limit = {};
};
[[nodiscard]] std::string BarChart(const BarPair& bars, const std::string& title);

// One dot for each value, a line at the median, on an axis from 0 to `full`; what lies beyond is a hollow dot
// at its end.
[[nodiscard]] std::string DotStrip(const std::vector<double>& values, double full,
                                   const std::string& css_class, const std::string& title);

// Marks of an axis from 0 to `full` seconds, for the foot of strips.
[[nodiscard]] std::string TimeAxis(double full);

// Two lines over a common x.
struct LinePair {
  std::vector<double> x;  // rising, at least two
  Both<std::vector<double>> seconds;
  std::string x_name;
};
[[nodiscard]] std::string LineChart(const LinePair& lines, const std::string& title);

}  // namespace qi8::compare
