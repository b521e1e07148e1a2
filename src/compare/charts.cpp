#include "compare/charts.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "compare/verdict.hpp"
#include "core/text.hpp"

namespace qi8::compare {
namespace {

std::string Format(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.2f", value);
  return text.data();
}

// Where a value stands between `left` and `right`, in percent of the chart's width.
struct Scale {
  double left = 0;
  double right = 100;
  double full = 1;

  [[nodiscard]] std::string At(double value) const {
    const double share = full > 0 ? std::clamp(value / full, 0.0, 1.0) : 0;
    return Format(left + (right - left) * share) + "%";
  }
};

// Dots at 0 and at the end are whole.
constexpr double kStripLeft = 1;
constexpr double kStripRight = 98;

std::string Open(int height, const std::string& title) {
  return "<svg role=\"img\" width=\"100%\" height=\"" + std::to_string(height) + "\" aria-label=\"" +
         Escape(title) + "\">";
}

std::string Line(const std::string& x1, const std::string& y1, const std::string& x2, const std::string& y2,
                 const std::string& css_class) {
  return "<line class=\"" + css_class + "\" x1=\"" + x1 + "\" y1=\"" + y1 + "\" x2=\"" + x2 + "\" y2=\"" +
         y2 + "\"/>";
}

std::string Text(const std::string& x, const std::string& y, const std::string& css_class,
                 const std::string& text) {
  return "<text class=\"" + css_class + "\" x=\"" + x + "\" y=\"" + y + "\">" + Escape(text) + "</text>";
}

// 1, 2 or 5 times a power of ten, the least of which at most five make `full`.
double Step(double full) {
  if (full <= 0) return 1;
  const double least = full / 5;
  const double power = std::pow(10, std::floor(std::log10(least)));
  const double digits = least / power;
  return (digits <= 1 ? 1 : digits <= 2 ? 2 : digits <= 5 ? 5 : 10) * power;
}

}  // namespace

std::string Escape(const std::string& text) {
  const std::string printable = Quote(text, 200);
  std::string escaped;
  for (const char c : std::string_view(printable).substr(1, printable.size() - 2)) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string BarChart(const BarPair& bars, const std::string& title) {
  constexpr int kHeight = 56;
  // What is behind the longest bar is for its label.
  const Scale scale{.left = 0, .right = 55, .full = bars.full};
  const auto bar = [&](double value, const char* css_class, int y) {
    return "<rect class=\"" + std::string(css_class) + "\" x=\"0\" y=\"" + std::to_string(y) + "\" width=\"" +
           scale.At(value) + "\" height=\"18\" rx=\"3\"/>";
  };
  const auto label = [&](double value, const std::string& text, int y) {
    return "<svg x=\"" + scale.At(value) + "\" overflow=\"visible\">" +
           Text("8", std::to_string(y + 14), "label", text) + "</svg>";
  };
  constexpr int kFp32Top = 4;
  constexpr int kInt8Top = 30;
  std::string svg = Open(kHeight, title) + bar(bars.values.fp32, "fp32", kFp32Top) +
                    bar(bars.values.int8, "int8", kInt8Top);
  if (bars.limit && *bars.limit <= bars.full) {
    svg += Line(scale.At(*bars.limit), "0", scale.At(*bars.limit), std::to_string(kHeight), "limit");
  }
  svg += label(bars.values.fp32, bars.labels.fp32, kFp32Top) +
         label(bars.values.int8, bars.labels.int8, kInt8Top);
  return svg + "</svg>";
}

std::string DotStrip(const std::vector<double>& values, double full, const std::string& css_class,
                     const std::string& title) {
  // Many runs at one place show as a darker one; thousands of dots would only make the page large.
  constexpr std::size_t kMostDots = 400;
  const Scale scale{.left = kStripLeft, .right = kStripRight, .full = full};
  std::vector<double> sorted = values;
  std::ranges::sort(sorted);
  const double every = std::max(1.0, static_cast<double>(sorted.size()) / static_cast<double>(kMostDots));
  std::string svg = Open(24, title) + Line("0", "12", "100%", "12", "lane");
  for (double i = 0; i < static_cast<double>(sorted.size()); i += every) {
    const double value = sorted[static_cast<std::size_t>(i)];
    svg += "<circle class=\"" + css_class + (value > full ? " beyond" : " dot") + "\" cx=\"" +
           scale.At(value) + "\" cy=\"12\" r=\"4\"/>";
  }
  const std::string median = scale.At(Median(values));
  return svg + Line(median, "2", median, "22", "median") + "</svg>";
}

std::string TimeAxis(double full) {
  const Scale scale{.left = kStripLeft, .right = kStripRight, .full = full};
  std::string svg = Open(22, "Time");
  const double step = Step(full);
  for (int i = 0; i * step <= full * 1.0001; ++i) {
    const std::string x = scale.At(i * step);
    svg += Line(x, "0", x, "5", "tick") +
           Text(x, "18", i == 0 ? "axis start" : "axis", i == 0 ? "0" : FormatSeconds(i * step));
  }
  return svg + "</svg>";
}

std::string LineChart(const LinePair& lines, const std::string& title) {
  constexpr int kTop = 12;
  constexpr int kBottom = 196;
  constexpr int kHeight = 232;
  double full = 0;
  for (const auto* values : {&lines.seconds.fp32, &lines.seconds.int8}) {
    full = std::max(full, *std::ranges::max_element(*values));
  }
  const double step = Step(full);
  const double top = std::max(step, std::ceil(full / step - 1e-9) * step);
  const Scale across{.left = 12, .right = 96, .full = lines.x.back()};
  const auto y = [&](double value) { return Format(kBottom - (kBottom - kTop) * value / top); };

  std::string svg = Open(kHeight, title);
  for (int i = 0; i * step <= top * 1.0001; ++i) {
    svg +=
        Line("12%", y(i * step), "100%", y(i * step), "grid") + "<svg x=\"12%\" overflow=\"visible\">" +
        Text("-8", Format(std::stod(y(i * step)) + 4), "axis end", i == 0 ? "0" : FormatSeconds(i * step)) +
        "</svg>";
  }
  for (const double x : lines.x) {
    svg +=
        Text(across.At(x), std::to_string(kBottom + 18), "axis", FormatCount(static_cast<std::uint64_t>(x)));
  }
  svg += Text("54%", std::to_string(kHeight - 2), "axis", lines.x_name);
  const auto draw = [&](const std::vector<double>& values, const std::string& css_class) {
    for (std::size_t i = 0; i + 1 < values.size(); ++i) {
      svg += Line(across.At(lines.x[i]), y(values[i]), across.At(lines.x[i + 1]), y(values[i + 1]),
                  css_class + " curve");
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
      svg += "<circle class=\"" + css_class + "\" cx=\"" + across.At(lines.x[i]) + "\" cy=\"" + y(values[i]) +
             "\" r=\"4.5\"/>";
    }
  };
  draw(lines.seconds.fp32, "fp32");
  draw(lines.seconds.int8, "int8");
  return svg + "</svg>";
}

}  // namespace qi8::compare
