// What is asked of a comparison of two models, and what it finds.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/data_type.hpp"
#include "qi8/link_policy.hpp"

namespace qi8::compare {

// A thing of the FP32 model beside the same of the INT8 one.
template <class T>
struct Both {
  T fp32;
  T int8;
};

// Values of a generated input: all equal where both are the same, else uniform between them, both included.
struct ValueRange {
  double low = 0;
  double high = 0;
};

// Several values for a dynamic dimension, or for several at once, each a case of its own.
struct Lengths {
  std::vector<std::string> dimensions;  // that vary together; empty: the first that may, see cases.hpp
  std::vector<std::int64_t> values;
};

// What must hold of the INT8 model; what is not set is measured all the same. Of several cases and outputs
// the worst counts.
struct Limits {
  std::optional<double> min_sqnr_db;      // of every floating-point output
  std::optional<double> min_cosine;       // likewise
  std::optional<double> min_top1;         // 0 to 1: of every output with a top-1 agreement
  std::optional<double> max_latency_p50;  // seconds
  std::optional<double> min_speedup;      // FP32 p50 over INT8 p50
  std::optional<std::uint64_t> max_rss;   // bytes, peak of the process that loads and runs the model
  std::optional<double> max_size_ratio;   // INT8 bytes over FP32 bytes, data files included
};

// What models are run with.
struct InputOptions {
  std::filesystem::path inputs;  // a folder or a .npz file (cases.hpp); empty: inputs are generated
  std::optional<std::size_t> most_sets = std::nullopt;  // of the inputs in files
  std::map<std::string, std::int64_t> dims = {};
  Lengths lengths = {};
  std::map<std::string, ValueRange> values = {};
  std::uint64_t seed = 1;
  // An input of zeros and ones that switches positions off, which then count for nothing (mask.hpp). Nothing:
  // kUsualMask, where the model has one.
  std::optional<std::string> mask = std::nullopt;
};

// What models are run on.
struct RuntimeOptions {
  LinkPolicy links = LinkPolicy::kSafe;  // to the external data of the models, as they are sized and read
  unsigned threads = 0;                  // in each model; 0: as ONNX Runtime chooses
  // Seconds that one load or one run may take; 0: any time.
  double timeout_seconds = 600;
  std::string onnxruntime = {};  // the library; empty: as OnnxRuntime::Load finds it
  // The program that serves as worker (worker.hpp), with its arguments.
  std::vector<std::string> worker = {};
};

// A model, and what it is run with and on.
struct RunOptions : InputOptions, RuntimeOptions {
  std::filesystem::path model;
};

struct CompareOptions : InputOptions, RuntimeOptions {
  std::filesystem::path fp32;
  std::filesystem::path int8;

  unsigned runs = 20;   // timed, of each model with each case; at least 1
  unsigned warmup = 3;  // before them
  unsigned loads = 3;   // of each model, each in a process of its own; at least 1

  Limits limits;
};

// Resident memory of the process that runs a model, in bytes: ONNX Runtime itself is in it.
struct MemoryUse {
  std::uint64_t resident = 0;  // now
  std::uint64_t peak = 0;      // the most there ever was
};

struct ModelResult {
  std::string path;
  std::uint64_t model_bytes = 0;
  std::uint64_t data_bytes = 0;      // of all files with external data
  std::vector<double> load_seconds;  // of each load, in their order
  MemoryUse after_load;
  MemoryUse after_runs;

  [[nodiscard]] std::uint64_t bytes() const { return model_bytes + data_bytes; }
};

// How near an output of the INT8 model is to that of the FP32 one.
struct OutputResult {
  std::string name;
  DataType type = DataType::kUndefined;
  // runtime/fidelity.hpp has their meaning; of floating-point outputs only.
  std::optional<double> sqnr_db = {};
  std::optional<double> cosine = {};
  double max_difference = 0;
  // 0 to 1. Of an output with classes: the share of places whose largest element is the same. Of integers and
  // bool: the share of equal elements.
  std::optional<double> top1 = {};

  // What the figures above are made of.
  double signal = 0;  // sum r^2
  double noise = 0;   // sum (r - c)^2
  std::size_t places = 0;
  std::size_t same_places = 0;
};

// The models with one of several sets of inputs.
struct SetResult {
  std::string label;
  std::vector<OutputResult> outputs;
};

// The models with one set of inputs.
struct CaseResult {
  std::string label;
  std::optional<std::int64_t> length;  // of the dimension that --lengths names
  std::vector<std::string> inputs;     // "codes int64 [1, 100]"
  Both<std::vector<double>> seconds;   // of each timed run, in their order
  // Of all sets of inputs: the least SQNR and cosine, the largest difference, top-1 over all places.
  std::vector<OutputResult> outputs;
  std::vector<SetResult> sets;  // each, where there are several
};

struct Comparison {
  Both<ModelResult> models;
  std::vector<CaseResult> cases;  // at least one
  std::string runtime_version;
  std::string processor;
  unsigned processors = 0;
  std::string inputs_from;         // "made up, seed 1", "'recorded.npz'"
  std::vector<std::string> notes;  // what a reader has to know before trusting a figure
};

// The smallest value that at least `percent` percent of the values do not exceed (nearest rank); `values` is
// not empty.
[[nodiscard]] double Percentile(std::vector<double> values, unsigned percent);
[[nodiscard]] inline double Median(const std::vector<double>& values) { return Percentile(values, 50); }

// The label of the set with the least SQNR of the output at this place; empty where there are not several, or
// no SQNR.
[[nodiscard]] std::string WorstSet(const CaseResult& result, std::size_t output);
// SQNR over all sets as though they were one; of several sets with outputs of floating point only.
[[nodiscard]] std::optional<double> OverallSqnr(const CaseResult& result, std::size_t output);

// FP32 p50 over INT8 p50.
[[nodiscard]] double Speedup(const CaseResult& result);

}  // namespace qi8::compare
