#include <algorithm>
#include <filesystem>
#include <span>

#include "compare/charts.hpp"
#include "compare/page.hpp"
#include "compare/report.hpp"
#include "core/text.hpp"
#include "core/utc_time.hpp"
#include "qi8/quantize.hpp"

namespace qi8::compare {
namespace {

// Of sets of inputs in the charts; tables and JSON have all.
constexpr std::size_t kMostCharts = 12;
// The most sets of inputs that the table of outputs shows.
constexpr std::size_t kMostSets = 64;

constexpr const char* kKey =
    "<div class=\"key\"><span><i class=\"fp32\"></i>FP32</span><span><i class=\"int8\"></i>INT8</span></div>";

std::string NameOf(const std::string& path) { return std::filesystem::path(path).filename().native(); }

std::uint64_t Peak(const ModelResult& model) {
  return std::max(model.after_load.peak, model.after_runs.peak);
}

// The page, from what a reader wants to know first to how it was found.
class Page {
 public:
  Page(const CompareOptions& options, const Comparison& comparison, const Judgement& judgement)
      : options_(options), comparison_(comparison), judgement_(judgement) {}

  std::string Text() const {
    const std::string name = NameOf(int8().path);
    return HtmlPage(kReportMark, name + ": INT8 against FP32",
                    "<header><h1>" + Escape(name) + "</h1><p class=\"soft\">INT8 against FP32, " +
                        Escape(NameOf(fp32().path)) + "</p></header>\n" + VerdictBox() + Tiles() +
                        Measurements() + Latency() + ByLength() + Memory() + Outputs() + Method());
  }

 private:
  [[nodiscard]] const ModelResult& fp32() const { return comparison_.models.fp32; }
  [[nodiscard]] const ModelResult& int8() const { return comparison_.models.int8; }
  [[nodiscard]] const CaseResult& LeastSpeedup() const {
    return *std::ranges::min_element(comparison_.cases, {}, Speedup);
  }

  std::string VerdictBox() const {
    std::string css;
    std::string word = "Measured";
    if (judgement_.verdict() == Verdict::kPass) {
      css = " pass";
      word = "\xE2\x9C\x93 Pass";
    } else if (judgement_.verdict() == Verdict::kFail) {
      css = " fail";
      word = "\xE2\x9C\x97 Fail";
    }
    std::string failures;
    for (const Row& row : judgement_.rows) {
      if (!row.limit || row.limit->holds) continue;
      failures +=
          "<li>" + Escape(row.what + ": " + row.limit->found + "; the limit is " + row.limit->text) + "</li>";
    }
    if (!failures.empty()) failures = "<ul>" + failures + "</ul>";
    return "<div class=\"verdict" + css + "\"><b>" + word + "</b><span>" + Escape(judgement_.Summary()) +
           "</span>" + failures + Notes() + "</div>\n";
  }

  // Where the inputs came from, and what else a reader has to know before trusting the verdict above.
  std::string Notes() const {
    std::string notes = "<p class=\"small note\">Inputs: " + Escape(comparison_.inputs_from) + "</p>";
    for (const std::string& note : comparison_.notes) {
      notes += "<p class=\"small note\"><b>Note:</b> " + Escape(note) + "</p>";
    }
    return notes;
  }

  static std::string WithLimit(const std::string& note, bool has_limit) {
    return note + (has_limit ? "; dashed: the limit" : "");
  }

  static std::string Tile(const std::string& title, const std::string& value, const std::string& unit,
                          const std::string& note, const std::string& chart) {
    return "<section><h2>" + Escape(title) + "</h2><div class=\"tile-value\">" + Escape(value) +
           " <span class=\"tile-unit\">" + Escape(unit) + "</span></div>" + chart +
           "<p class=\"soft small\">" + Escape(note) + "</p></section>\n";
  }

  // "74.9 % less" as value and unit.
  static std::string SavingTile(const std::string& title, std::uint64_t before, std::uint64_t after,
                                std::optional<double> limit, const std::string& note) {
    const Both<double> values{static_cast<double>(before), static_cast<double>(after)};
    const std::string less = FormatLess(values.fp32, values.int8);
    const auto unit = less.rfind(' ');
    return Tile(title, less.substr(0, unit), unit == std::string::npos ? "" : less.substr(unit + 1),
                WithLimit(note, limit.has_value()),
                BarChart({.values = values,
                          .labels = {"FP32 " + FormatBytes(before), "INT8 " + FormatBytes(after)},
                          .full = std::max({values.fp32, values.int8, limit.value_or(0)}),
                          .limit = limit},
                         title + ": FP32 " + FormatBytes(before) + ", INT8 " + FormatBytes(after)));
  }

  std::string Tiles() const {
    const CaseResult& slowest = LeastSpeedup();
    const Both<double> latency{Median(slowest.seconds.fp32), Median(slowest.seconds.int8)};
    const std::string speedup = FormatSpeedup(Speedup(slowest));
    const auto unit = speedup.find(' ');
    const std::optional<double> limit = options_.limits.max_latency_p50;
    std::string tiles = Tile(
        "Speed", speedup.substr(0, unit), speedup.substr(unit + 1),
        WithLimit("median latency" + (comparison_.cases.size() > 1 ? ", worst: " + slowest.label : ""),
                  limit.has_value()),
        BarChart(
            {.values = latency,
             .labels = {"FP32 " + FormatSeconds(latency.fp32), "INT8 " + FormatSeconds(latency.int8)},
             .full = std::max({latency.fp32, latency.int8, limit.value_or(0)}),
             .limit = limit},
            "Median latency: FP32 " + FormatSeconds(latency.fp32) + ", INT8 " + FormatSeconds(latency.int8)));
    const auto max_rss = options_.limits.max_rss;
    tiles += SavingTile("Memory", Peak(fp32()), Peak(int8()),
                        max_rss ? std::optional(static_cast<double>(*max_rss)) : std::nullopt,
                        "peak of a process that loads and runs it");
    const auto ratio = options_.limits.max_size_ratio;
    tiles += SavingTile("Size", fp32().bytes(), int8().bytes(),
                        ratio ? std::optional(*ratio * static_cast<double>(fp32().bytes())) : std::nullopt,
                        "model and data files");
    return "<div class=\"tiles\">\n" + tiles + FidelityTile() + "</div>\n";
  }

  std::string FidelityTile() const {
    const auto sqnr = Least(comparison_, &OutputResult::sqnr_db);
    const auto cosine = Least(comparison_, &OutputResult::cosine);
    const auto top1 = Least(comparison_, &OutputResult::top1);
    std::string list;
    const auto add = [&list](const char* what, const std::string& value) {
      list += "<dt>" + std::string(what) + "</dt><dd>" + Escape(value) + "</dd>";
    };
    if (cosine) add("cosine", FormatCosine(*cosine));
    if (top1) add("top-1", FormatShare(*top1));
    const std::string value = sqnr ? FormatDecibels(*sqnr) : top1 ? FormatShare(*top1) : "none";
    const auto unit = value.find(' ');
    return Tile("Fidelity", value.substr(0, unit), unit == std::string::npos ? "" : value.substr(unit + 1),
                sqnr ? "signal to noise, the least of all outputs" : "of all outputs, the least",
                "<dl>" + list + "</dl>");
  }

  std::string Measurements() const {
    std::string rows;
    for (const Row& row : judgement_.rows) {
      if (row.is_detail && comparison_.cases.size() > 1) continue;  // the chart below has them
      rows += std::string(row.is_detail ? "<tr class=\"soft\">" : "<tr>") + Cell(row.what, "name") +
              Cell(row.fp32) + Cell(row.int8) + Cell(row.change, "wide");
      rows += Cell(row.limit ? row.limit->text : "", "limit-text");
      rows += !row.limit         ? "<td></td>"
              : row.limit->holds ? "<td class=\"pass-mark\">\xE2\x9C\x93 pass</td>"
                                 : "<td class=\"fail-mark\">\xE2\x9C\x97 FAIL</td>";
      rows += "</tr>";
    }
    return Section("Measurements and limits", "",
                   Table({"", "FP32", "INT8", kChange, "limit", "verdict"}, rows));
  }

  [[nodiscard]] std::span<const CaseResult> Charted() const {
    return std::span(comparison_.cases).first(std::min(kMostCharts, comparison_.cases.size()));
  }

  // A single run that took much longer would press all others into a corner.
  [[nodiscard]] double LatencyAxis() const {
    constexpr double kMostBeyondP90 = 1.3;
    double slowest = 0;
    double p90 = 0;
    for (const CaseResult& one : Charted()) {
      for (const auto* seconds : {&one.seconds.fp32, &one.seconds.int8}) {
        slowest = std::max(slowest, *std::ranges::max_element(*seconds));
        p90 = std::max(p90, Percentile(*seconds, 90));
      }
    }
    return std::min(slowest, kMostBeyondP90 * p90);
  }

  std::string Latency() const {
    const double full = LatencyAxis();
    const auto lane = [full](const CaseResult& one, const char* name, const char* css,
                             const std::vector<double>& seconds) {
      std::string percentiles;
      for (const unsigned percent : {50U, 90U, 99U}) {
        percentiles += (percentiles.empty() ? "p" : ", p") + std::to_string(percent) + " " +
                       FormatSeconds(Percentile(seconds, percent));
      }
      return "<div class=\"lane-row\"><span>" + std::string(name) + "</span>" +
             DotStrip(seconds, full, css, one.label + ", latency of " + name + ": " + percentiles) +
             "<span class=\"numbers small soft\">" + Escape(percentiles) + "</span></div>";
    };
    std::string body;
    for (const CaseResult& one : Charted()) {
      if (comparison_.cases.size() > 1) {
        body += "<div class=\"lane-case\">" + Escape(one.label) + " <span class=\"soft small\">" +
                Escape(FormatSpeedup(Speedup(one))) + "</span></div>";
      }
      body += lane(one, "FP32", "fp32", one.seconds.fp32) + lane(one, "INT8", "int8", one.seconds.int8);
    }
    body += "<div class=\"lane-row\">" + TimeAxis(full) + "</div>";
    std::string note =
        "A dot for each run, hollow where it lies beyond the axis; a line at the median. The models ran in "
        "turn.";
    if (comparison_.cases.size() > kMostCharts) {
      note += " The first " + FormatCount(kMostCharts) + " of " + FormatCount(comparison_.cases.size()) +
              " sets of inputs.";
    }
    return Section("Latency", note, body);
  }

  std::string ByLength() const {
    std::vector<const CaseResult*> cases;
    for (const CaseResult& one : comparison_.cases) {
      if (one.length) cases.push_back(&one);
    }
    std::ranges::sort(cases, {}, [](const CaseResult* one) { return *one->length; });
    if (cases.size() < 2 || *cases.back()->length <= 0) return "";
    LinePair lines;
    for (const CaseResult* one : cases) {
      lines.x.push_back(static_cast<double>(*one->length));
      lines.seconds.fp32.push_back(Median(one->seconds.fp32));
      lines.seconds.int8.push_back(Median(one->seconds.int8));
    }
    lines.x_name = cases[0]->label.substr(0, cases[0]->label.rfind('='));
    return Section("Median latency by length", "",
                   kKey + LineChart(lines, "Median latency by " + lines.x_name));
  }

  std::string Memory() const {
    const auto bars = [&](const std::string& title, std::uint64_t of_fp32, std::uint64_t of_int8) {
      const Both<double> values{static_cast<double>(of_fp32), static_cast<double>(of_int8)};
      return "<div><p>" + Escape(title) + "</p>" +
             BarChart({.values = values,
                       .labels = {FormatBytes(of_fp32), FormatBytes(of_int8)},
                       .full = static_cast<double>(std::max(Peak(fp32()), Peak(int8())))},
                      title + ": FP32 " + FormatBytes(of_fp32) + ", INT8 " + FormatBytes(of_int8)) +
             "</div>";
    };
    return Section("Resident memory",
                   "Each model in a process of its own, with nothing else in it but ONNX Runtime.",
                   kKey + std::string("<div class=\"bars\">") +
                       bars("once loaded", fp32().after_load.resident, int8().after_load.resident) +
                       bars("after the runs", fp32().after_runs.resident, int8().after_runs.resident) +
                       bars("peak", Peak(fp32()), Peak(int8())) + "</div>");
  }

  static std::string OutputRows(const std::vector<OutputResult>& outputs, const std::string& inputs,
                                const char* attributes = "") {
    std::string rows;
    for (const OutputResult& output : outputs) {
      rows += "<tr" + std::string(attributes) + ">" + Cell(output.name, "name") + Cell(inputs, "name") +
              Cell(output.sqnr_db ? FormatDecibels(*output.sqnr_db) : "") +
              Cell(output.cosine ? FormatCosine(*output.cosine) : "") +
              Cell(FormatNumber(output.max_difference)) + Cell(output.top1 ? FormatShare(*output.top1) : "") +
              "</tr>";
    }
    return rows;
  }

  std::string Outputs() const {
    std::string rows;
    std::size_t sets = 0;
    for (const CaseResult& one : comparison_.cases) {
      rows += OutputRows(one.outputs, one.label);
      for (const SetResult& set : one.sets) {
        if (++sets <= kMostSets)
          rows += OutputRows(set.outputs, one.label + ", " + set.label, " class=\"soft\"");
      }
    }
    std::string note =
        "SQNR: signal to quantization noise ratio. Top-1: the share of places with the same largest "
        "class; of integers, of equal elements.";
    if (sets > 0)
      note +=
          " Of several sets of inputs, the worst SQNR and cosine and the top-1 of all places; below, each.";
    if (sets > kMostSets)
      note += " The first " + FormatCount(kMostSets) + " of " + FormatCount(sets) + " sets; --json has all.";
    return Section("Outputs", note,
                   Table({"output", "inputs", "SQNR", "cosine", "largest difference", "top-1"}, rows));
  }

  std::string Method() const {
    std::string list;
    const auto add = [&list](const std::string& what, const std::string& value) {
      list += "<dt>" + Escape(what) + "</dt><dd>" + Escape(value) + "</dd>";
    };
    add("FP32", fp32().path);
    add("INT8", int8().path);
    add("inputs", comparison_.inputs_from);
    std::string shapes;
    for (const std::string& input : comparison_.cases[0].inputs)
      shapes += (shapes.empty() ? "" : "; ") + input;
    add(comparison_.cases.size() > 1 ? "inputs, " + comparison_.cases[0].label : "their shapes", shapes);
    add("runs",
        FormatCount(options_.runs) + " of each, after " + FormatCount(options_.warmup) + " to warm up");
    add("load time", FormatSeconds(Median(fp32().load_seconds)) + " FP32, " +
                         FormatSeconds(Median(int8().load_seconds)) + " INT8, medians of " +
                         FormatCount(options_.loads));
    add("processor", comparison_.processor + ", " + FormatCount(comparison_.processors) + " threads");
    add("threads", options_.threads > 0 ? FormatCount(options_.threads) : "as ONNX Runtime chooses");
    add("ONNX Runtime", comparison_.runtime_version);
    add("quantize-int8", Version());
    add("date", UtcTime());
    return Section("How this was measured", "", "<dl class=\"small\">" + list + "</dl>");
  }

  const CompareOptions& options_;
  const Comparison& comparison_;
  const Judgement& judgement_;
};

}  // namespace

std::string ReportHtml(const CompareOptions& options, const Comparison& comparison,
                       const Judgement& judgement) {
  return Page(options, comparison, judgement).Text();
}

}  // namespace qi8::compare
