// What was measured of a model: how much noise each form of each unit makes at the outputs, and what it
// costs.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "tune/units.hpp"

namespace qi8::tune {

// The noise of an output that is not a number any more.
inline constexpr double kNoiseWithoutEnd = std::numeric_limits<double>::infinity();

// A form of a unit.
struct ChoiceMeasure {
  Choice choice;
  double seconds = 0;        // of one run of the unit alone with the first case
  double seconds_doubt = 0;  // a difference from float32's time that is smaller says nothing
  // By case and output (Measurements::At): the power of the error at the output when only this unit has this
  // form, as a share of the output's own. Of float32 all are 0. Infinity where an output is not a number any
  // more.
  std::vector<double> noise = {};
  // The error itself, as a share of the output's length, in a sketch (sketch.hpp) for each case and output;
  // empty where there is none. Errors of several units add up as vectors: what they have in common, as a bias
  // or the weight of several layers gives it, counts.
  std::vector<float> error = {};
  double injected = 0;      // the power of the error of what the unit itself gives, over all cases
  bool is_measured = true;  // false: left out, as a cheaper form makes so little noise that none is needed
};

struct UnitMeasure {
  Unit unit;
  std::vector<ChoiceMeasure> choices;
};

struct Measurements {
  std::vector<std::string> cases;
  std::vector<std::string> outputs;  // those of floating point
  // By case and output: sum r^2 of the FP32 model's output.
  std::vector<double> signal;
  std::vector<UnitMeasure> units;
  std::vector<std::string> unplanned;  // see Units
  std::size_t sketch_size = 0;         // elements of a sketch in ChoiceMeasure::error
  double fp32_seconds = 0;             // of one run of the FP32 model with the first case
  std::uint64_t fp32_bytes = 0;        // of all its files

  [[nodiscard]] std::size_t At(std::size_t one_case, std::size_t output) const {
    return one_case * outputs.size() + output;
  }
};

}  // namespace qi8::tune
