#include "compare/verdict.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "compare/example.hpp"

namespace qi8::compare {
namespace {

TEST(PercentileTest, IsTheNearestRank) {
  EXPECT_EQ(Percentile({5}, 50), 5);
  EXPECT_EQ(Percentile({3, 1, 2, 4}, 50), 2);
  EXPECT_EQ(Percentile({3, 1, 2, 4}, 90), 4);
  std::vector<double> hundred;
  for (int i = 1; i <= 100; ++i) hundred.push_back(i);
  EXPECT_EQ(Percentile(hundred, 50), 50);
  EXPECT_EQ(Percentile(hundred, 90), 90);
  EXPECT_EQ(Percentile(hundred, 99), 99);
}

// The limit just held by the example, and the next that is not.
struct LimitCase {
  const char* option;
  std::function<void(Limits&, bool)> set;
  double measured;
};

class EveryLimit : public ::testing::TestWithParam<LimitCase> {};

TEST_P(EveryLimit, HoldsUpToWhatWasMeasured) {
  for (const bool holds : {true, false}) {
    Limits limits;
    GetParam().set(limits, holds);
    const Judgement judgement = Judge(ExampleComparison(), limits);
    EXPECT_EQ(judgement.verdict(), holds ? Verdict::kPass : Verdict::kFail);
    EXPECT_EQ(judgement.failed(), holds ? 0U : 1U);
    bool found = false;
    for (const Row& row : judgement.rows) {
      if (!row.limit) continue;
      EXPECT_EQ(row.limit->option, GetParam().option);
      found = found || std::fabs(row.limit->measured - GetParam().measured) < 1e-9;
    }
    EXPECT_TRUE(found);
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, EveryLimit,
    ::testing::Values(
        LimitCase{"--min-sqnr", [](Limits& limits, bool holds) { limits.min_sqnr_db = holds ? 22 : 22.1; },
                  22},
        LimitCase{"--min-cosine",
                  [](Limits& limits, bool holds) { limits.min_cosine = holds ? 0.9968 : 0.9969; }, 0.9968},
        LimitCase{"--min-top1", [](Limits& limits, bool holds) { limits.min_top1 = holds ? 0.98 : 0.981; },
                  0.98},
        LimitCase{"--max-latency-p50",
                  [](Limits& limits, bool holds) { limits.max_latency_p50 = holds ? 0.25 : 0.2499; }, 0.25},
        LimitCase{"--min-speedup",
                  [](Limits& limits, bool holds) { limits.min_speedup = holds ? 3.99 : 4.01; }, 4},
        LimitCase{"--max-rss",
                  [](Limits& limits, bool holds) { limits.max_rss = holds ? 15'000'000 : 14'999'999; }, 15e6},
        LimitCase{"--max-size-ratio",
                  [](Limits& limits, bool holds) { limits.max_size_ratio = holds ? 0.25 : 0.249; }, 0.25}),
    [](const auto& limit) {
      std::string name = limit.param.option;
      std::erase(name, '-');
      return name;
    });

TEST(JudgeTest, WithoutLimitsThereIsNoVerdict) {
  EXPECT_EQ(Judge(ExampleComparison(), {}).verdict(), Verdict::kNoLimits);
}

TEST(JudgeTest, ALimitOfWhatWasNotMeasuredDoesNotHold) {
  Comparison comparison = ExampleComparison();
  for (CaseResult& one : comparison.cases) one.outputs.clear();
  for (const auto& set : std::vector<std::function<void(Limits&)>>{
           [](Limits& limits) { limits.min_sqnr_db = -100; }, [](Limits& limits) { limits.min_cosine = -1; },
           [](Limits& limits) { limits.min_top1 = 0; }}) {
    Limits limits;
    set(limits);
    EXPECT_EQ(Judge(comparison, limits).verdict(), Verdict::kFail);
  }
}

TEST(JudgeTest, OutputsThatDoNotDifferHoldAnyLimit) {
  Comparison comparison = ExampleComparison();
  for (CaseResult& one : comparison.cases) one.outputs[0].sqnr_db = INFINITY;
  Limits limits;
  limits.min_sqnr_db = 1000;
  EXPECT_EQ(Judge(comparison, limits).verdict(), Verdict::kPass);
}

TEST(JudgeTest, SaysHowManyLimitsHold) {
  const auto summary = [](double sqnr, std::optional<double> cosine = {}, std::optional<double> top1 = {}) {
    Limits limits;
    limits.min_sqnr_db = sqnr;
    limits.min_cosine = cosine;
    limits.min_top1 = top1;
    return Judge(ExampleComparison(), limits).Summary();
  };
  EXPECT_EQ(summary(10), "the one limit holds");
  EXPECT_EQ(summary(10, 0.9), "all 2 limits hold");
  EXPECT_EQ(summary(50), "the one limit does not hold");
  EXPECT_EQ(summary(50, 0.9, 0.5), "1 of 3 limits does not hold");
  EXPECT_EQ(summary(50, 0.9999, 0.5), "2 of 3 limits do not hold");
}

TEST(JudgeTest, OfManyCasesTheSlowestIsShown) {
  Comparison comparison = ExampleComparison();
  for (int i = 0; i < 20; ++i) comparison.cases.insert(comparison.cases.begin(), comparison.cases[0]);
  Limits limits;
  limits.max_latency_p50 = 0.25;
  const Judgement judgement = Judge(comparison, limits);
  EXPECT_EQ(judgement.rows[0].what, "latency p50, time=100, the slowest of 22");
  EXPECT_EQ(judgement.limits(), 1U);
}

TEST(FormatTest, SaysItShort) {
  EXPECT_EQ(FormatSeconds(7.0249), "7.02 s");
  EXPECT_EQ(FormatSeconds(0.1561), "156 ms");
  EXPECT_EQ(FormatSeconds(0.00123), "1.23 ms");
  EXPECT_EQ(FormatSeconds(0.0000851), "85.1 us");
  EXPECT_EQ(FormatSpeedup(3.612), "3.61 times faster");
  EXPECT_EQ(FormatSpeedup(0.8), "1.25 times slower");
  EXPECT_EQ(FormatSpeedup(0.999), "no change");
  EXPECT_EQ(FormatSpeedup(1.004), "no change");
  EXPECT_EQ(FormatLess(4, 1), "75.0 % less");
  EXPECT_EQ(FormatLess(4, 5), "25.0 % more");
  EXPECT_EQ(FormatLess(0, 5), "");
  EXPECT_EQ(FormatDecibels(INFINITY), "equal");
  EXPECT_EQ(FormatDecibels(-INFINITY), "none");
}

}  // namespace
}  // namespace qi8::compare
