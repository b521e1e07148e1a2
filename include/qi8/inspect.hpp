// What is in a model, and what quantizing would make of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "qi8/error.hpp"
#include "qi8/observer.hpp"
#include "qi8/options.hpp"
#include "qi8/report.hpp"

namespace qi8 {

struct InspectOptions {
  std::filesystem::path model;
  LinkPolicy links = LinkPolicy::kSafe;
  // What decides on the plan, as in QuantizeOptions.
  Selection selection;
  ExternalData external_data = ExternalData::kAlways;
  bool keep_non_finite = true;
  bool read_weights = false;  // for WeightStatistics, and to see which have a NaN or an infinity
};

// Of the numbers of a weight, as float32. Those that are not finite are counted and left out of the rest.
struct WeightStatistics {
  std::uint64_t non_finite = 0;
  double least = 0;
  double greatest = 0;
  double mean = 0;
  double deviation = 0;        // standard deviation
  double peak_over_rms = 0;    // the largest magnitude over the root of the mean square; 0 where all are 0
  std::uint64_t outliers = 0;  // numbers further than 6 standard deviations from the mean
  // Of what has a scale of its own in the INT8 form: columns of a product, rows of an embedding, ...
  std::optional<std::uint64_t> channels;
  std::uint64_t zero_channels = 0;      // of these, all 0
  std::optional<double> sqnr_db;        // of the INT8 form; infinite: exact. Nothing where it has none
  std::optional<double> largest_error;  // likewise, in the weight's unit
};

inline constexpr double kOutlierDeviations = 6;

struct WeightReport {
  std::string name;
  std::string type;
  std::vector<std::int64_t> shape;
  std::uint64_t elements = 0;
  std::uint64_t bytes = 0;
  std::string op_type;  // of the first node that reads it, past Transpose, Cast and the like; may be empty
  bool quantized = false;
  std::string reason;  // why not, by Identifier(SkipReason) where the plan has it
  std::optional<WeightStatistics> statistics;
};

// A part of the model's tensors.
struct TensorTotal {
  std::string key;
  std::uint64_t tensors = 0;
  std::uint64_t elements = 0;
  std::uint64_t bytes = 0;
};

struct DeclaredValue {
  std::string name;
  std::string type;   // "float32"; empty: no tensor
  std::string shape;  // "[batch, 16]"; empty: not said
};

struct InspectReport {
  std::string path;
  std::int64_t ir_version = 0;
  std::vector<std::pair<std::string, std::int64_t>> opsets;  // "ai.onnx", 17
  std::string producer;                                      // name and version
  std::string domain;
  std::int64_t model_version = 0;
  std::string doc_string;
  std::string graph_name;
  std::vector<std::pair<std::string, std::string>> metadata;
  std::vector<DeclaredValue> inputs;
  std::vector<DeclaredValue> outputs;
  std::size_t graphs = 0;     // with bodies
  std::size_t functions = 0;  // that the model defines
  std::vector<std::pair<std::string, std::size_t>>
      operators;                         // and how often each stands; most frequent first
  std::vector<TensorTotal> by_type;      // largest first
  std::vector<TensorTotal> by_operator;  // largest first; a tensor counts for the first node that reads it
  std::vector<WeightReport> weights;     // of floating point, largest first
  bool read_weights = false;             // else a weight with a NaN or an infinity is listed like any other
  PlanReport plan;                       // its outputs as `<name>_int8.onnx`: the name is part of the size
};

// Reads the graph and no weight, unless options ask for it; then memory stays bounded all the same. Throws
// Error as Quantize() does.
[[nodiscard]] InspectReport Inspect(const InspectOptions& options, Observer& observer);

}  // namespace qi8
