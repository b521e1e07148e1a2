#include "tune/report_html.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <vector>

#include "compare/charts.hpp"
#include "compare/page.hpp"
#include "core/text.hpp"
#include "tune/plan_text.hpp"

namespace qi8::tune {
namespace {

using compare::Cell;
using compare::Escape;
using compare::Section;

// A click on a title sorts the rows of its table by that column: by number where each cell has one.
constexpr const char* kSortScript = R"(
document.querySelectorAll('table.sortable th').forEach(title => {
  const column = title.cellIndex;
  let rising = false;
  title.style.cursor = 'pointer';
  title.addEventListener('click', () => {
    const body = title.closest('table').tBodies[0];
    const key = row => row.cells[column].dataset.key ?? row.cells[column].textContent;
    rising = !rising;
    [...body.rows].sort((a, b) => {
      const [x, y] = [key(a), key(b)];
      const order = isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y;
      return rising ? order : -order;
    }).forEach(row => body.append(row));
  });
});
)";

std::string Print(const char* format, double number) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), format, number);
  return text.data();
}

// A cell that is sorted by this number.
std::string NumberCell(const std::string& text, double key) {
  return "<td data-key=\"" + Print("%.9g", std::isfinite(key) ? key : 1e9) + "\">" + Escape(text) + "</td>";
}

std::string Tile(const std::string& title, const std::string& value, const std::string& note) {
  return "<section><h2>" + Escape(title) + "</h2><div class=\"tile-value\">" + Escape(value) +
         "</div><p class=\"soft small\">" + Escape(note) + "</p></section>\n";
}

// Speed to the right, SQNR upwards. Plans without noise have no place on an axis of decibels.
class Curve {
 public:
  explicit Curve(const Tuning& tuning) : tuning_(tuning) {
    for (const Point& point : tuning.frontier) {
      if (std::isfinite(point.predicted.sqnr_db)) Add(point.predicted);
    }
    if (std::isfinite(tuning.predicted.sqnr_db)) Add(tuning.predicted);
  }

  [[nodiscard]] std::string Svg() const {
    if (places_.empty()) return "<p>No plan has noise.</p>";
    std::string svg =
        "<svg viewBox=\"0 0 640 300\" width=\"100%\" role=\"img\"><title>What can be had: speed and "
        "SQNR</title>";
    constexpr int kLines = 4;
    for (int i = 0; i <= kLines; ++i) {
      const double share = static_cast<double>(i) / kLines;
      const double y = kTop + share * (kBottom - kTop);
      const double x = kLeft + share * (kRight - kLeft);
      svg += "<line class=\"grid\" x1=\"" + Print("%.0f", kLeft) + "\" x2=\"" + Print("%.0f", kRight) +
             "\" y1=\"" + Print("%.1f", y) + "\" y2=\"" + Print("%.1f", y) + "\"/>";
      svg += "<text class=\"end\" x=\"" + Print("%.0f", kLeft - 8) + "\" y=\"" + Print("%.1f", y + 4) +
             "\">" + Print("%.0f dB", most_db_ - share * (most_db_ - least_db_)) + "</text>";
      svg += "<text class=\"axis\" x=\"" + Print("%.1f", x) + "\" y=\"" + Print("%.0f", kBottom + 20) +
             "\">" + Print("%.2f", least_speed_ + share * (most_speed_ - least_speed_)) + "</text>";
    }
    svg += "<text class=\"axis\" x=\"" + Print("%.0f", (kLeft + kRight) / 2) + "\" y=\"" +
           Print("%.0f", kBottom + 38) + "\">times the speed of FP32</text>";
    std::string line;
    for (const Place& place : places_) {
      line += (line.empty() ? "" : " ") + Print("%.1f", X(place)) + "," + Print("%.1f", Y(place));
    }
    svg += "<polyline class=\"curve int8\" style=\"fill:none\" points=\"" + line + "\"/>";
    for (const Place& place : places_) {
      svg += "<circle class=\"int8 dot\" r=\"3.5\" cx=\"" + Print("%.1f", X(place)) + "\" cy=\"" +
             Print("%.1f", Y(place)) + "\"/>";
    }
    if (std::isfinite(tuning_.predicted.sqnr_db)) {
      const Place plan = PlaceOf(tuning_.predicted);
      svg += "<circle class=\"int8\" r=\"7\" cx=\"" + Print("%.1f", X(plan)) + "\" cy=\"" +
             Print("%.1f", Y(plan)) + "\"/><text class=\"label start\" x=\"" + Print("%.1f", X(plan) + 11) +
             "\" y=\"" + Print("%.1f", Y(plan) - 8) + "\">the plan</text>";
    }
    return svg + "</svg>";
  }

 private:
  struct Place {
    double speed = 0;
    double db = 0;
  };

  [[nodiscard]] Place PlaceOf(const Prediction& predicted) const {
    return {tuning_.measured.fp32_seconds / predicted.seconds, predicted.sqnr_db};
  }
  void Add(const Prediction& predicted) {
    const Place place = PlaceOf(predicted);
    const auto behind =
        std::ranges::find_if(places_, [&](const Place& other) { return other.db > place.db; });
    places_.insert(behind, place);
    least_db_ = std::min(least_db_, std::floor(place.db));
    most_db_ = std::max(most_db_, std::ceil(place.db + 1));
    least_speed_ = std::min(least_speed_, place.speed);
    most_speed_ = std::max(most_speed_, place.speed + 0.02);
  }
  [[nodiscard]] double X(const Place& place) const {
    return kLeft + (place.speed - least_speed_) / (most_speed_ - least_speed_) * (kRight - kLeft);
  }
  [[nodiscard]] double Y(const Place& place) const {
    return kTop + (most_db_ - place.db) / (most_db_ - least_db_) * (kBottom - kTop);
  }

  static constexpr double kLeft = 70, kRight = 560, kTop = 16, kBottom = 250;
  const Tuning& tuning_;
  std::vector<Place> places_;  // by rising SQNR
  double least_db_ = 1e9, most_db_ = -1e9, least_speed_ = 1e9, most_speed_ = 0;
};

class TuningPage {
 public:
  TuningPage(const TuneOptions& options, const Tuning& tuning)
      : options_(options), tuning_(tuning), measured_(tuning.measured) {
    for (std::size_t i = 0; i < tuning.choices.size(); ++i) {
      const ChoiceMeasure& chosen = measured_.units[i].choices[tuning.choices[i]];
      noise_.push_back(std::pow(10.0, -SqnrOver(measured_, chosen.noise, Over::kSum) / 10));
      seconds_.push_back(chosen.seconds);
      most_seconds_ = std::max({most_seconds_, chosen.seconds, measured_.units[i].choices.back().seconds});
    }
    all_noise_ = std::accumulate(noise_.begin(), noise_.end(), 0.0);
  }

  [[nodiscard]] std::string Text() const {
    const std::string name = options_.model.filename().native();
    return compare::HtmlPage(
        kReportMark, name + ": forms by measuring",
        "<header><h1>" + Escape(name) +
            "</h1><p class=\"soft\">a form for each product, chosen by measuring</p></header>\n" + Tiles() +
            Notes() + Section("What can be had", "Predicted; each dot is a plan.", Curve(tuning_).Svg()) +
            Nodes() + Forms(),
        kSortScript);
  }

 private:
  std::string Tiles() const {
    const PlanMeasure& found = tuning_.found;
    return "<div class=\"tiles\">" +
           Tile("SQNR", FormatSqnr(found.sqnr_db),
                "predicted " + FormatSqnr(tuning_.predicted.sqnr_db) + "; over all " +
                    std::to_string(measured_.cases.size()) + " cases together " +
                    FormatSqnr(found.overall_db)) +
           Tile(
               "Speed", FormatTimes(found.speedup()),
               "that of FP32; predicted " + FormatTimes(measured_.fp32_seconds / tuning_.predicted.seconds)) +
           Tile("Size", FormatBytes(found.int8_bytes), "FP32: " + FormatBytes(measured_.fp32_bytes)) +
           "</div>\n";
  }

  std::string Notes() const {
    std::string notes = "<p class=\"small\">Inputs: " + Escape(tuning_.inputs_from) + "; ONNX Runtime " +
                        Escape(tuning_.runtime_version) + "</p>";
    for (const std::string& note : tuning_.notes) {
      notes += "<p class=\"small\"><b>Note:</b> " + Escape(note) + "</p>";
    }
    return "<section>" + notes + "</section>\n";
  }

  [[nodiscard]] double NoiseShare(std::size_t unit) const {
    return all_noise_ > 0 ? noise_[unit] / all_noise_ : 0;
  }

  static std::string Bar(double share, const char* css_class) {
    return "<svg width=\"90\" height=\"10\"><rect class=\"" + std::string(css_class) + "\" width=\"" +
           Print("%.1f", 90 * std::clamp(share, 0.0, 1.0)) + "\" height=\"10\" rx=\"2\"/></svg>";
  }

  // The nodes of the plan, the noisiest first.
  std::string Nodes() const {
    std::vector<std::size_t> order(noise_.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return noise_[a] > noise_[b]; });
    std::string rows;
    for (const std::size_t i : order) {
      const UnitMeasure& unit = measured_.units[i];
      const double fp32 = unit.choices.back().seconds;
      rows += "<tr>" + Cell(unit.unit.label, "name") + Cell(unit.unit.op_type) +
              Cell(FormatShape(unit.unit.weight_dims)) +
              Cell(unit.choices[tuning_.choices[i]].choice.written) +
              NumberCell(Print("%.1f %%", 100 * NoiseShare(i)), NoiseShare(i)) + "<td>" +
              Bar(NoiseShare(i) / std::max(NoiseShare(order.front()), 1e-12), "int8") + "</td>" +
              NumberCell(Print("%.4g ms", 1e3 * seconds_[i]), seconds_[i]) +
              NumberCell(Print("%.4g ms", 1e3 * fp32), fp32) + "<td>" + Bar(fp32 / most_seconds_, "fp32") +
              Bar(seconds_[i] / most_seconds_, "int8") + "</td></tr>";
    }
    return Section(
        "Nodes", "Share of the plan's noise, and the time of the node alone. A click on a title sorts.",
        Sortable({"node", "operator", "weight", "form", "noise", "", "time", "in FP32", ""}, rows));
  }

  // What each form of each node would make.
  std::string Forms() const {
    std::string rows;
    for (const UnitMeasure& measure : measured_.units) {
      for (const ChoiceMeasure& choice : measure.choices) {
        const double db = SqnrOver(measured_, choice.noise, Over::kSum);
        const auto bytes = static_cast<double>(choice.choice.bytes());
        rows += "<tr>" + Cell(measure.unit.label, "name") + Cell(choice.choice.written) +
                (choice.is_measured ? NumberCell(FormatSqnr(db), db) : NumberCell("not measured", 1e9)) +
                NumberCell(Print("%.4g ms", 1e3 * choice.seconds), choice.seconds) +
                NumberCell(FormatBytes(choice.choice.bytes()), bytes) + "</tr>";
      }
    }
    return Section(
        "Every form of every node",
        "SQNR of the output when only this node has this form. Forms that cannot be of use are not measured: "
        "slower than float32, or finer than a form that makes next to no noise.",
        Sortable({"node", "form", "SQNR", "time", "bytes"}, rows));
  }

  static std::string Sortable(const std::vector<std::string>& titles, const std::string& rows) {
    std::string table = compare::Table(titles, rows);
    return table.replace(table.find("<table>"), 7, "<table class=\"sortable\">");
  }

  const TuneOptions& options_;
  const Tuning& tuning_;
  const Measurements& measured_;
  std::vector<double> noise_;  // by unit, of the plan
  std::vector<double> seconds_;
  double all_noise_ = 0;
  double most_seconds_ = 1e-12;
};

}  // namespace

std::string ReportHtml(const TuneOptions& options, const Tuning& tuning) {
  return TuningPage(options, tuning).Text();
}

}  // namespace qi8::tune
