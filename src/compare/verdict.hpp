// What a comparison comes to: the table that people read, and whether the limits hold.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compare/comparison.hpp"

namespace qi8::compare {

struct LimitCheck {
  std::string option;   // "--min-sqnr"
  std::string text;     // "at least 20 dB"
  std::string found;    // "22.0 dB"
  double bound = 0;     // in the unit of Limits
  double measured = 0;  // likewise; NaN where there was nothing to measure, which never holds
  bool holds = false;
};

// One thing that was measured, as text; what does not apply is empty.
struct Row {
  std::string what;
  std::string fp32;
  std::string int8;
  std::string change;
  std::optional<LimitCheck> limit = {};
  bool is_detail = false;  // of the row above
};

enum class Verdict { kNoLimits, kPass, kFail };

struct Judgement {
  std::vector<Row> rows;
  [[nodiscard]] Verdict verdict() const;
  [[nodiscard]] std::size_t limits() const;
  [[nodiscard]] std::size_t failed() const;
  // "1 of 3 limits does not hold"
  [[nodiscard]] std::string Summary() const;
};

[[nodiscard]] Judgement Judge(const Comparison& comparison, const Limits& limits);

// The least value of a member over all outputs of all cases; nothing where none has one.
[[nodiscard]] std::optional<double> Least(const Comparison& comparison,
                                          std::optional<double> OutputResult::*member);

// "7.02 s", "156 ms", "85.1 us"
[[nodiscard]] std::string FormatSeconds(double seconds);
// "22.0 dB", "equal" where nothing differs, "none" where nothing is alike
[[nodiscard]] std::string FormatDecibels(double decibels);
// "3.61 times", "3.61 times faster", "1.25 times slower" or "no change", "74.9 % less"
[[nodiscard]] std::string FormatFactor(double factor);
[[nodiscard]] std::string FormatSpeedup(double speedup);
[[nodiscard]] std::string FormatLess(double before, double after);
// "0.99681", "98.4 %", "0.034"
[[nodiscard]] std::string FormatCosine(double cosine);
[[nodiscard]] std::string FormatShare(double share);
[[nodiscard]] std::string FormatNumber(double number);

}  // namespace qi8::compare
