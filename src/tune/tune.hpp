// Finds a form for each product of a model by measuring: how much noise each makes at the outputs, and what
// it costs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compare/comparison.hpp"
#include "io/file_system.hpp"
#include "prepare/rounder.hpp"
#include "qi8/observer.hpp"
#include "qi8/options.hpp"
#include "tune/choose.hpp"
#include "tune/measurements.hpp"

namespace qi8::tune {

// What a plan is to reach; what is not set is not asked for.
struct Goals {
  std::optional<double> min_sqnr_db;      // of the worst output, in decibels
  std::optional<double> min_speedup;      // FP32 time over INT8 time
  std::optional<double> max_latency;      // seconds of one run with the first case
  std::optional<std::uint64_t> max_size;  // bytes of the output
  Over over = Over::kMost;

  [[nodiscard]] bool any() const { return min_sqnr_db || min_speedup || max_latency || max_size; }
};

struct TuneOptions : compare::RunOptions {
  Selection selection = {};                                                  // without forms
  std::vector<Form> forms = {{FormKind::kPerToken}, {FormKind::kResidual}};  // besides float32
  Goals goals = {};
  // Learned: from three of four cases; the others are those that noise is measured with. Nothing: learned
  // where there are recorded inputs that can be divided so.
  std::optional<Rounding> rounding = Rounding::kNearest;
};

// What was measured of a whole model in the forms of a plan.
struct PlanMeasure {
  double sqnr_db = 0;  // as Prediction has it
  double overall_db = 0;
  std::vector<double> db_by_output;  // over all cases together
  double fp32_seconds = 0;
  double int8_seconds = 0;
  std::uint64_t int8_bytes = 0;

  [[nodiscard]] double speedup() const { return fp32_seconds / int8_seconds; }
};

struct Tuning {
  Measurements measured;
  std::vector<Point> frontier;
  Choices choices;  // by unit
  Prediction predicted;
  PlanMeasure found;                       // of the whole model, written and run
  std::map<std::string, Form> node_forms;  // the plan: Selection::node_forms
  std::string model_sha256;                // of the .onnx file
  std::string inputs_sha256;               // of the elements of all inputs, in their order
  std::string inputs_from;
  std::string runtime_version;
  std::vector<std::string> notes;
  std::optional<Rounded> rounded;  // what was learned, where it was
};

// Runs the FP32 model and each of its units on ONNX Runtime, chooses, writes the whole model to a temporary
// place and runs that too; where it is noisier than predicted and misses the target, chooses again with as
// much more in hand. Throws Error: kCheckFailed where no plan reaches the goals, with the best that was
// found; as Compare does for models and inputs.
[[nodiscard]] Tuning Tune(FileSystem& file_system, const TuneOptions& options, Observer& observer);

}  // namespace qi8::tune
