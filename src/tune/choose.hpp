// Which form each unit is to have. Pure: measurements and a target in, a choice out.
//
// The errors that several units make at an output add up, as vectors: their sum is nearly what all of them
// make together (docs/tune.md has how well that holds). Where they have little in common, the powers add up
// too. So this is a knapsack: the cheapest choice of a form for each unit whose noise is within the target.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "tune/measurements.hpp"

namespace qi8::tune {

// Over which cases a target must hold.
enum class Over {
  kMost,   // over all of them together, and over each but one in ten
  kSum,    // over all of them together
  kWorst,  // over each
};

struct Target {
  std::optional<double> min_sqnr_db = {};       // of the worst output
  std::optional<double> max_seconds = {};       // of one run with the first case
  std::optional<std::uint64_t> max_bytes = {};  // of the output
  Over over = Over::kMost;
};

// A form for each unit: its place in UnitMeasure::choices, by unit.
using Choices = std::vector<std::size_t>;

// What choices come to.
struct Prediction {
  double sqnr_db = 0;  // of the worst output over the cases that the target is for; infinity: no noise at all
  double overall_db = 0;  // of the worst output over all cases together
  double seconds = 0;
  std::uint64_t bytes = 0;
};

[[nodiscard]] Prediction Predict(const Measurements& measured, const Choices& choices, Over over);

// The SQNR in decibels of the worst output over those cases, by the shares of noise that stand where
// Measurements::At says.
[[nodiscard]] double SqnrOver(const Measurements& measured, const std::vector<double>& noise, Over over);

// The SQNR of each output over all cases together, in the order of Measurements::outputs.
[[nodiscard]] std::vector<double> SqnrByOutput(const Measurements& measured,
                                               const std::vector<double>& noise);

// The fastest choices that reach this SQNR within these bytes (nothing: any); nothing where none do.
[[nodiscard]] std::optional<Choices> Fastest(const Measurements& measured, double sqnr_db,
                                             std::optional<std::uint64_t> max_bytes, Over over);

struct Point {
  Choices choices;
  Prediction predicted;
};

// Choices none of which is both slower and noisier than another, by falling speed.
[[nodiscard]] std::vector<Point> Frontier(const Measurements& measured,
                                          std::optional<std::uint64_t> max_bytes, Over over);

// The point of a frontier beyond which a decibel costs much more time than before it: the one that is
// farthest from the line between its ends. The frontier is not empty.
[[nodiscard]] const Point& Knee(const std::vector<Point>& frontier);

// The best choices by a target: with an SQNR the fastest that reach it, without one the nearest to FP32 that
// are as fast and as small as is asked for, or, where nothing is, the knee of the frontier. Nothing where
// none reach it.
[[nodiscard]] std::optional<Choices> Choose(const Measurements& measured, const Target& target);

}  // namespace qi8::tune
