#include "compare/verdict.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>

#include "core/text.hpp"

namespace qi8::compare {
namespace {

// Beyond this, the table says of the latencies only the slowest.
constexpr std::size_t kMostCases = 8;

std::string Print(const char* format, double value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

// Three significant digits.
std::string Short(double value) {
  const double size = std::fabs(value);
  return Print(size >= 99.95 ? "%.0f" : size >= 9.995 ? "%.1f" : "%.2f", value);
}

enum class Bound { kAtLeast, kAtMost };

LimitCheck Check(const char* option, Bound bound, double limit, const std::string& limit_text,
                 std::optional<double> measured, const std::string& found) {
  LimitCheck check{.option = option,
                   .text = (bound == Bound::kAtLeast ? "at least " : "at most ") + limit_text,
                   .found = found,
                   .bound = limit,
                   .measured = measured.value_or(std::numeric_limits<double>::quiet_NaN()),
                   .holds = false};
  check.holds = bound == Bound::kAtLeast ? check.measured >= limit : check.measured <= limit;
  return check;
}

// The rows of a comparison, in the order in which a reader asks.
class Judging {
 public:
  Judging(const Comparison& comparison, const Limits& limits) : comparison_(comparison), limits_(limits) {}

  Judgement Result() {
    Latency();
    Memory();
    Sizes();
    Fidelity();
    return std::move(judgement_);
  }

 private:
  Row& Add(const std::string& what, const std::string& fp32, const std::string& int8,
           const std::string& change) {
    judgement_.rows.push_back({.what = what, .fp32 = fp32, .int8 = int8, .change = change});
    return judgement_.rows.back();
  }

  void Latency() {
    const auto& cases = comparison_.cases;
    if (cases.size() <= kMostCases) {
      for (const CaseResult& one : cases) LatencyOf(one, cases.size() > 1 ? ", " + one.label : "");
    } else {
      const auto slowest =
          std::ranges::max_element(cases, {}, [](const CaseResult& one) { return Median(one.seconds.int8); });
      LatencyOf(*slowest, ", " + slowest->label + ", the slowest of " + FormatCount(cases.size()));
    }
    const double least = Speedup(*std::ranges::min_element(cases, {}, Speedup));
    Row& row = Add(cases.size() > 1 ? "worst speedup" : "speedup", "", FormatFactor(least), "");
    if (limits_.min_speedup) {
      row.limit = Check("--min-speedup", Bound::kAtLeast, *limits_.min_speedup,
                        FormatFactor(*limits_.min_speedup), least, row.int8);
    }
    const auto& [fp32, int8] = comparison_.models;
    Add("load time", FormatSeconds(Median(fp32.load_seconds)), FormatSeconds(Median(int8.load_seconds)), "");
  }

  void LatencyOf(const CaseResult& one, const std::string& suffix) {
    const auto of = [&one](unsigned percent) {
      return Both<double>{Percentile(one.seconds.fp32, percent), Percentile(one.seconds.int8, percent)};
    };
    const Both<double> p50 = of(50);
    Row& row = Add("latency p50" + suffix, FormatSeconds(p50.fp32), FormatSeconds(p50.int8),
                   FormatSpeedup(Speedup(one)));
    if (limits_.max_latency_p50) {
      row.limit = Check("--max-latency-p50", Bound::kAtMost, *limits_.max_latency_p50,
                        FormatSeconds(*limits_.max_latency_p50), p50.int8, row.int8);
    }
    for (const unsigned percent : {90U, 99U}) {
      const Both<double> values = of(percent);
      Add("latency p" + std::to_string(percent) + suffix, FormatSeconds(values.fp32),
          FormatSeconds(values.int8), "")
          .is_detail = true;
    }
  }

  void Memory() {
    const auto& [fp32, int8] = comparison_.models;
    const auto peak = [](const ModelResult& model) {
      return std::max(model.after_load.peak, model.after_runs.peak);
    };
    Row& row = Add("memory, peak", FormatBytes(peak(fp32)), FormatBytes(peak(int8)),
                   FormatLess(static_cast<double>(peak(fp32)), static_cast<double>(peak(int8))));
    if (limits_.max_rss) {
      const auto bound = static_cast<double>(*limits_.max_rss);
      row.limit = Check("--max-rss", Bound::kAtMost, bound, FormatBytes(*limits_.max_rss),
                        static_cast<double>(peak(int8)), row.int8);
    }
    Add("memory after the runs", FormatBytes(fp32.after_runs.resident), FormatBytes(int8.after_runs.resident),
        FormatLess(static_cast<double>(fp32.after_runs.resident),
                   static_cast<double>(int8.after_runs.resident)));
  }

  void Sizes() {
    const auto& [fp32, int8] = comparison_.models;
    const auto before = static_cast<double>(fp32.bytes());
    const auto after = static_cast<double>(int8.bytes());
    Row& row = Add("size", FormatBytes(fp32.bytes()), FormatBytes(int8.bytes()), FormatLess(before, after));
    if (limits_.max_size_ratio) {
      row.limit = Check("--max-size-ratio", Bound::kAtMost, *limits_.max_size_ratio,
                        FormatNumber(*limits_.max_size_ratio) + " of FP32", after / before,
                        FormatNumber(after / before));
    }
  }

  void Fidelity() {
    const auto text = [](std::optional<double> value, std::string (*format)(double)) {
      return value ? format(*value) : std::string("none to measure");
    };
    const auto sqnr = Least(comparison_, &OutputResult::sqnr_db);
    Row& sqnr_row = Add("output SQNR", "", text(sqnr, FormatDecibels), "");
    if (limits_.min_sqnr_db) {
      sqnr_row.limit = Check("--min-sqnr", Bound::kAtLeast, *limits_.min_sqnr_db,
                             FormatDecibels(*limits_.min_sqnr_db), sqnr, sqnr_row.int8);
    }
    const auto cosine = Least(comparison_, &OutputResult::cosine);
    Row& cosine_row = Add("output cosine", "", text(cosine, FormatCosine), "");
    if (limits_.min_cosine) {
      cosine_row.limit = Check("--min-cosine", Bound::kAtLeast, *limits_.min_cosine,
                               FormatNumber(*limits_.min_cosine), cosine, cosine_row.int8);
    }
    const auto top1 = Least(comparison_, &OutputResult::top1);
    if (!top1 && !limits_.min_top1) return;
    Row& top1_row = Add("top-1 agreement", "", text(top1, FormatShare), "");
    if (limits_.min_top1) {
      top1_row.limit = Check("--min-top1", Bound::kAtLeast, *limits_.min_top1, FormatShare(*limits_.min_top1),
                             top1, top1_row.int8);
    }
  }

  const Comparison& comparison_;
  const Limits& limits_;
  Judgement judgement_;
};

}  // namespace

std::size_t Judgement::limits() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(rows, [](const Row& row) { return row.limit.has_value(); }));
}

std::size_t Judgement::failed() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(rows, [](const Row& row) { return row.limit && !row.limit->holds; }));
}

Verdict Judgement::verdict() const {
  if (limits() == 0) return Verdict::kNoLimits;
  return failed() == 0 ? Verdict::kPass : Verdict::kFail;
}

std::string Judgement::Summary() const {
  switch (verdict()) {
    case Verdict::kNoLimits:
      return "no limits were given, so there is no verdict";
    case Verdict::kPass:
      return limits() == 1 ? "the one limit holds" : "all " + FormatCount(limits()) + " limits hold";
    default:
      if (limits() == 1) return "the one limit does not hold";
      return FormatCount(failed()) + " of " + FormatCount(limits()) + " limits " +
             (failed() == 1 ? "does not hold" : "do not hold");
  }
}

Judgement Judge(const Comparison& comparison, const Limits& limits) {
  return Judging(comparison, limits).Result();
}

std::optional<double> Least(const Comparison& comparison, std::optional<double> OutputResult::*member) {
  std::optional<double> least;
  for (const CaseResult& one : comparison.cases) {
    for (const OutputResult& output : one.outputs) {
      const std::optional<double>& value = output.*member;
      if (value && (!least || *value < *least)) least = value;
    }
  }
  return least;
}

std::string FormatSeconds(double seconds) {
  if (seconds >= 0.9995) return Short(seconds) + " s";
  if (seconds >= 0.0009995) return Short(seconds * 1e3) + " ms";
  return Short(seconds * 1e6) + " us";
}

std::string FormatDecibels(double decibels) {
  if (std::isinf(decibels)) return decibels > 0 ? "equal" : "none";
  return Print("%.1f dB", decibels);
}

std::string FormatFactor(double factor) { return Short(factor) + " times"; }

std::string FormatSpeedup(double speedup) {
  constexpr double kShown = 0.005;  // what two digits behind the point still tell
  if (std::fabs(speedup - 1) < kShown) return "no change";
  if (speedup > 0 && speedup < 1) return FormatFactor(1 / speedup) + " slower";
  return FormatFactor(speedup) + " faster";
}

std::string FormatLess(double before, double after) {
  if (before <= 0) return "";
  const double less = 100 * (1 - after / before);
  return Print("%.1f %% ", std::fabs(less)) + (less >= 0 ? "less" : "more");
}

std::string FormatCosine(double cosine) { return Print("%.5f", cosine); }
std::string FormatShare(double share) { return Print("%.1f %%", 100 * share); }
std::string FormatNumber(double number) {
  return std::isinf(number) ? (number > 0 ? "infinite" : "none") : Print("%.4g", number);
}

}  // namespace qi8::compare
