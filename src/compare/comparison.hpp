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

// Several values for one dynamic dimension, each a case of its own.
struct Lengths {
  std::string dimension;  // empty: the first that may be one, see generated_inputs.hpp
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

struct CompareOptions {
  LinkPolicy links = LinkPolicy::kSafe;  // to the external data of the models, as they are sized and read
  std::filesystem::path fp32;
  std::filesystem::path int8;

  std::filesystem::path inputs;  // a folder (input_files.hpp); empty: inputs are generated
  std::map<std::string, std::int64_t> dims;
  Lengths lengths;
  std::map<std::string, ValueRange> values;
  std::uint64_t seed = 1;

  unsigned runs = 20;    // timed, of each model with each case; at least 1
  unsigned warmup = 3;   // before them
  unsigned loads = 3;    // of each model, each in a process of its own; at least 1
  unsigned threads = 0;  // in each model; 0: as ONNX Runtime chooses

  std::string onnxruntime;  // the library; empty: as OnnxRuntime::Load finds it
  // The program that serves as worker (worker.hpp), with its arguments.
  std::vector<std::string> worker;

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
};

// The models with one set of inputs.
struct CaseResult {
  std::string label;
  std::optional<std::int64_t> length;  // of the dimension that --lengths names
  std::vector<std::string> inputs;     // "codes int64 [1, 100]"
  Both<std::vector<double>> seconds;   // of each timed run, in their order
  std::vector<OutputResult> outputs;
};

struct Comparison {
  Both<ModelResult> models;
  std::vector<CaseResult> cases;  // at least one
  std::string runtime_version;
  std::string processor;
  unsigned processors = 0;
};

// The smallest value that at least `percent` percent of the values do not exceed (nearest rank); `values` is
// not empty.
[[nodiscard]] double Percentile(std::vector<double> values, unsigned percent);
[[nodiscard]] inline double Median(const std::vector<double>& values) { return Percentile(values, 50); }

// FP32 p50 over INT8 p50.
[[nodiscard]] double Speedup(const CaseResult& result);

}  // namespace qi8::compare
