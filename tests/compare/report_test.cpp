// What readers get: text, JSON, and a page that a real browser renders.
#include "compare/report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "compare/charts.hpp"
#include "compare/example.hpp"
#include "support/golden.hpp"
#include "support/program.hpp"
#include "support/temp_folder.hpp"

namespace qi8::compare {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

[[nodiscard]] Limits SomeLimits() {
  Limits limits;
  limits.min_sqnr_db = 24;
  limits.max_latency_p50 = 2.5;
  limits.max_rss = 20'000'000;
  return limits;
}

[[nodiscard]] std::size_t Count(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(ReportTextGoldenTest, IsATableWithAVerdictPerRow) {
  const Comparison comparison = ExampleComparison();
  testing::ExpectGolden("compare/failed.txt", ReportText(comparison, Judge(comparison, SomeLimits())));
  testing::ExpectGolden("compare/no-limits.txt", ReportText(comparison, Judge(comparison, {})));
}

TEST(ReportTextTest, OfSeveralSetsItNamesTheWorst) {
  Comparison comparison = ExampleComparison();
  CaseResult& one = comparison.cases[0];
  one.sets = {{"white noise", one.outputs}, {"tone", one.outputs}};
  one.sets[1].outputs[0].sqnr_db = 3;
  comparison.notes = {"beware"};
  const std::string text = ReportText(comparison, Judge(comparison, {}));
  EXPECT_THAT(text, AllOf(HasSubstr("WORST OF"), HasSubstr("2: tone"), HasSubstr("inputs: made up, seed 1\n"),
                          HasSubstr("note: beware\n")));
}

TEST(ReportTextTest, OfManyOutputsItShowsSome) {
  Comparison comparison = ExampleComparison();
  for (int i = 0; i < 20; ++i) comparison.cases.push_back(comparison.cases[0]);
  EXPECT_THAT(ReportText(comparison, Judge(comparison, {})),
              HasSubstr("and 24 more; --json and --report have all"));
}

TEST(ReportJsonTest, HoldsAllThatWasMeasured) {
  Comparison comparison = ExampleComparison();
  comparison.cases[0].outputs[0].sqnr_db = INFINITY;
  comparison.models.int8.path = "bad \xff name";
  CompareOptions options;
  options.limits = SomeLimits();
  const auto json = nlohmann::json::parse(ReportJson(options, comparison, Judge(comparison, options.limits)));
  EXPECT_EQ(json["verdict"], "fail");
  ASSERT_EQ(json["limits"].size(), 4U);  // the latency of each case
  EXPECT_EQ(json["limits"][3]["limit"], "--min-sqnr");
  EXPECT_EQ(json["limits"][3]["measured"], 22);
  EXPECT_EQ(json["limits"][3]["holds"], false);
  EXPECT_EQ(json["fp32"]["data_bytes"], 3'992'000);
  EXPECT_EQ(json["int8"]["memory_after_runs"]["peak"], 15'000'000);
  EXPECT_EQ(json["cases"][1]["length"], 100);
  EXPECT_EQ(json["cases"][1]["int8_latency"]["runs"].size(), 10U);
  EXPECT_DOUBLE_EQ(json["cases"][1]["fp32_latency"]["p50"].get<double>(), 1.0);
  EXPECT_EQ(json["cases"][0]["outputs"][0]["sqnr_db"], "inf");
  EXPECT_TRUE(json["cases"][0]["outputs"][1]["sqnr_db"].is_null());
}

// As a browser has it after loading the page.
class ReportHtmlTest : public ::testing::Test {
 protected:
  static constexpr const char* kHostile =
      "</title><script>document.title='taken'</script><img src=x onerror=alert(1)>";

  [[nodiscard]] std::string Html() const {
    return ReportHtml(options_, comparison_, Judge(comparison_, options_.limits));
  }

  [[nodiscard]] std::string Rendered() const {
    testing::WriteFile(folder_ / "report.html", Html());
    const auto result = testing::RunProgram(
        "chromium", {"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                     "--disable-background-networking", "--disable-component-update", "--disable-sync",
                     "--user-data-dir=" + (folder_ / "profile").native(), "--dump-dom",
                     "file://" + (folder_ / "report.html").native()});
    EXPECT_EQ(result.status, 0) << result.err << "\n(scripts/test installs chromium)";
    return result.out;
  }

  testing::TempFolder folder_;
  Comparison comparison_ = ExampleComparison();
  CompareOptions options_;
};

TEST_F(ReportHtmlTest, ABrowserShowsVerdictFiguresAndCharts) {
  options_.limits = SomeLimits();
  const std::string page = Rendered();
  EXPECT_THAT(page, HasSubstr("<h1>core_int8.onnx</h1>"));
  EXPECT_THAT(page, HasSubstr("1 of 4 limits does not hold"));
  EXPECT_THAT(page, HasSubstr("<li>output SQNR: 22.0 dB; the limit is at least 24.0 dB</li>"));
  for (const char* figure : {"4.00 <span class=\"tile-unit\">times faster",
                             "75.0 % <span class=\"tile-unit\">less", "22.0 <span class=\"tile-unit\">dB"}) {
    EXPECT_THAT(page, HasSubstr(figure));
  }
  // A chart is there when the browser took its parts for SVG: two bars in each of three tiles and three
  // charts of memory, ten runs of two models at two lengths and four points of curves.
  EXPECT_EQ(Count(page, "<rect "), 12U);
  EXPECT_EQ(Count(page, "<circle "), 44U);
  EXPECT_EQ(Count(page, "class=\"median\""), 4U);
  EXPECT_GE(Count(page, "class=\"limit\""), 2U);
  EXPECT_EQ(Count(page, "<svg role=\"img\""), Count(Html(), "<svg role=\"img\""));
  EXPECT_THAT(page, HasSubstr("Median latency by length"));
}

TEST_F(ReportHtmlTest, NothingIsFetchedOrRun) {
  EXPECT_THAT(Html(), HasSubstr("content=\"default-src 'none'; style-src 'unsafe-inline'\""));
  for (const char* reference : {"http:", "https:", "//", "<script", "<link", "<img", "<iframe", "@import",
                                "url(", " src=", " href="}) {
    EXPECT_THAT(Html(), Not(HasSubstr(reference)));
  }
}

TEST_F(ReportHtmlTest, NamesFromModelsAreText) {
  comparison_.models.int8.path = kHostile;
  comparison_.models.fp32.path = kHostile;
  for (CaseResult& one : comparison_.cases) {
    one.label = kHostile;
    one.inputs = {kHostile};
    for (OutputResult& output : one.outputs) output.name = kHostile;
  }
  comparison_.processor = kHostile;
  comparison_.inputs_from = kHostile;
  comparison_.notes = {kHostile};
  comparison_.cases[0].sets = {{kHostile, comparison_.cases[0].outputs},
                               {kHostile, comparison_.cases[0].outputs}};
  EXPECT_THAT(Html(), AllOf(Not(HasSubstr("<script")), Not(HasSubstr("<img"))));
  const std::string page = Rendered();
  EXPECT_THAT(page, AllOf(Not(HasSubstr("<script")), Not(HasSubstr("<img"))));
  EXPECT_THAT(page, Not(HasSubstr("<title>taken")));
}

TEST_F(ReportHtmlTest, SaysWhereInputsCameFromAndWhatEachSetGave) {
  comparison_.notes = {"the model is not deterministic"};
  for (const char* label : {"white noise", "tone"}) {
    comparison_.cases[0].sets.push_back({label, comparison_.cases[0].outputs});
  }
  EXPECT_THAT(Html(), ::testing::StartsWith(std::string(kReportMark)));
  EXPECT_THAT(Html(), AllOf(HasSubstr("Inputs: made up, seed 1"), HasSubstr("the model is not deterministic"),
                            HasSubstr("time=50, tone")));
}

TEST_F(ReportHtmlTest, SaysWhenAllHoldsAndWhenNothingWasAsked) {
  EXPECT_THAT(Html(), HasSubstr("no limits were given"));
  options_.limits.min_speedup = 2;
  EXPECT_THAT(Html(), HasSubstr("the one limit holds"));
  options_.limits.min_cosine = 0.9;
  EXPECT_THAT(Html(), HasSubstr("all 2 limits hold"));
}

TEST_F(ReportHtmlTest, OddMeasurementsAreShownToo) {
  comparison_.cases.resize(1);
  comparison_.cases[0].seconds = {{0}, {0}};
  comparison_.cases[0].outputs.clear();
  comparison_.models.fp32.data_bytes = comparison_.models.fp32.model_bytes = 0;
  const std::string page = Rendered();
  EXPECT_THAT(page, HasSubstr("How this was measured"));
  EXPECT_THAT(page, Not(ContainsRegex("[>\" ](nan|inf)[%<\" ]")));
}

TEST_F(ReportHtmlTest, ARunBeyondTheAxisIsAHollowDot) {
  comparison_.cases[1].seconds.fp32.back() = 100;
  EXPECT_EQ(Count(Html(), "class=\"fp32 beyond\""), 1U);
}

TEST_F(ReportHtmlTest, ThousandsOfRunsDoNotMakeThousandsOfDots) {
  comparison_.cases.resize(1);
  comparison_.cases[0].seconds = {std::vector<double>(100000, 1.0), std::vector<double>(100000, 0.5)};
  EXPECT_LT(Html().size(), 200'000U);
}

}  // namespace
}  // namespace qi8::compare
