#include <algorithm>
#include <filesystem>
#include <span>

#include "compare/charts.hpp"
#include "compare/report.hpp"
#include "core/text.hpp"
#include "core/utc_time.hpp"
#include "qi8/quantize.hpp"

namespace qi8::compare {
namespace {

// Of sets of inputs in the charts; tables and JSON have all.
constexpr std::size_t kMostCharts = 12;
// Of sets of inputs in the table of outputs.
constexpr std::size_t kMostSets = 64;

constexpr const char* kStyle = R"(
:root { color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --line: #dfe3e8; --text: #1b2330; --soft: #5b6675;
  --fp32: #8b98a9; --int8: #0f7c8a; --good: #177245; --bad: #b3261e; --good-back: #e3f4ea; --bad-back: #fdeae8;
  --limit: #b3261e; }
@media (prefers-color-scheme: dark) { :root {
  --page: #10151b; --card: #19202a; --line: #2c3643; --text: #e7ebf0; --soft: #9aa6b5;
  --fp32: #76859a; --int8: #35b5c4; --good: #5fd394; --bad: #ff8a80; --good-back: #143324; --bad-back: #3d1c1a;
  --limit: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1rem 3rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; margin: 0 0 .25rem; }
p { margin: .25rem 0; }
.soft { color: var(--soft); }
.small { font-size: .87rem; }
header { margin-bottom: 1.25rem; }
section, .verdict { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 1rem 1.1rem; margin-bottom: 1rem; }
.verdict { display: flex; flex-wrap: wrap; gap: .4rem 1rem; align-items: baseline; border-left-width: 6px; }
.verdict b { font-size: 1.45rem; letter-spacing: .02em; }
.verdict.pass { background: var(--good-back); border-color: var(--good); } .verdict.pass b { color: var(--good); }
.verdict.fail { background: var(--bad-back); border-color: var(--bad); } .verdict.fail b { color: var(--bad); }
.verdict .note { flex-basis: 100%; overflow-wrap: anywhere; } .verdict .note b { font-size: inherit; color: inherit; }
.verdict ul { flex-basis: 100%; margin: .2rem 0 0; padding-left: 1.2rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(13.5rem, 1fr)); gap: 1rem;
  margin-bottom: 1rem; }
.tiles section { margin: 0; }
.tile-value { font-size: 1.9rem; font-weight: 650; line-height: 1.2; font-variant-numeric: tabular-nums; }
.tile-unit { font-size: 1rem; font-weight: 500; color: var(--soft); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 550; font-size: .82rem; color: var(--soft); }
th, td { padding: .38rem .9rem .38rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
td.name { white-space: normal; overflow-wrap: anywhere; min-width: 9rem; }
tr:last-child td { border-bottom: 0; }
.pass-mark { color: var(--good); font-weight: 650; } .fail-mark { color: var(--bad); font-weight: 650; }
.key { display: inline-flex; gap: 1rem; margin: .2rem 0 .6rem; font-size: .87rem; color: var(--soft); }
.key i { display: inline-block; width: .8rem; height: .8rem; border-radius: 3px; margin-right: .35rem;
  vertical-align: -1px; }
i.fp32 { background: var(--fp32); } i.int8 { background: var(--int8); }
.lane-row { display: grid; grid-template-columns: 3.2rem minmax(0, 1fr) 18rem; gap: 0 .7rem; align-items: center;
  font-variant-numeric: tabular-nums; }
.numbers { white-space: nowrap; }
.lane-row svg { grid-column: 2; }
.lane-case { font-weight: 550; margin-top: .7rem; overflow-wrap: anywhere; }
@media (max-width: 38rem) { .lane-row { grid-template-columns: 3.2rem minmax(0, 1fr); }
  .lane-row .numbers { grid-column: 2; }
  .wide { display: none; } th, td { padding-right: .6rem; } td.limit-text { white-space: normal; }
  td.name { min-width: 6rem; } }
.bars { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: .6rem 1.6rem; }
svg { display: block; overflow: visible; }
svg text { font-size: 12px; fill: var(--text); font-variant-numeric: tabular-nums; }
svg text.axis { fill: var(--soft); text-anchor: middle; } svg text.start { text-anchor: start; }
svg text.end { text-anchor: end; }
.fp32 { fill: var(--fp32); } .int8 { fill: var(--int8); }
.dot { fill-opacity: .45; } .beyond { fill: none; stroke-width: 1.5; }
.beyond.fp32 { stroke: var(--fp32); } .beyond.int8 { stroke: var(--int8); }
svg text.label { paint-order: stroke; stroke: var(--card); stroke-width: 5px; stroke-linejoin: round; }
.lane, .grid, .tick { stroke: var(--line); } .median { stroke: var(--text); stroke-width: 2; }
.limit { stroke: var(--limit); stroke-width: 2; stroke-dasharray: 4 3; }
.curve { stroke-width: 2.5; stroke-linecap: round; } .curve.fp32 { stroke: var(--fp32); }
.curve.int8 { stroke: var(--int8); }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .2rem 1.2rem; margin: .4rem 0 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
)";

// The column that a narrow page has no room for.
constexpr const char* kChange = "change";

constexpr const char* kKey =
    "<div class=\"key\"><span><i class=\"fp32\"></i>FP32</span><span><i class=\"int8\"></i>INT8</span></div>";

std::string NameOf(const std::string& path) { return std::filesystem::path(path).filename().native(); }

std::string Section(const std::string& title, const std::string& note, const std::string& body) {
  return "<section><h2>" + Escape(title) + "</h2>" +
         (note.empty() ? "" : "<p class=\"soft small\">" + Escape(note) + "</p>") + body + "</section>\n";
}

std::string Cell(const std::string& text, const char* css_class = "") {
  return std::string("<td") + (*css_class != '\0' ? std::string(" class=\"") + css_class + "\"" : "") + ">" +
         Escape(text) + "</td>";
}

std::string Table(const std::vector<std::string>& titles, const std::string& rows) {
  std::string head;
  for (const std::string& title : titles) {
    head += std::string(title == kChange ? "<th class=\"wide\">" : "<th>") + Escape(title) + "</th>";
  }
  return "<div class=\"scroll\"><table><thead><tr>" + head + "</tr></thead><tbody>" + rows +
         "</tbody></table></div>";
}

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
    return std::string(kReportMark) +
           "<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
           "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
           "'unsafe-inline'\">\n"
           "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" +
           Escape(name) + ": INT8 against FP32</title>\n<style>" + kStyle +
           "</style>\n</head>\n<body>\n<main>\n" + "<header><h1>" + Escape(name) +
           "</h1><p class=\"soft\">INT8 against FP32, " + Escape(NameOf(fp32().path)) + "</p></header>\n" +
           VerdictBox() + Tiles() + Measurements() + Latency() + ByLength() + Memory() + Outputs() +
           Method() + "</main>\n</body>\n</html>\n";
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
