// Execution of a plan: a bounded streaming pipeline from the input files to the staged output files.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/byte_range.hpp"
#include "exec/hashed_output.hpp"
#include "exec/quantization_error.hpp"
#include "exec/rounded_weights.hpp"
#include "model/model.hpp"
#include "plan/layout.hpp"
#include "plan/plan.hpp"

namespace qi8 {

struct ExecuteOptions {
  unsigned threads = 1;
  std::uint64_t memory_budget = 0;  // bytes for tiles; at least kLeastMemoryBudget
  bool hash_inputs = true;
  bool measure_errors = false;
  const RoundedWeights* rounded = nullptr;                    // weights whose codes are given
  std::function<void(std::uint64_t bytes_read)> on_progress;  // called from one thread at a time
  std::function<bool()> should_stop;                          // true: end with Error of kind kInterrupted
};

inline constexpr std::uint64_t kLeastMemoryBudget = 8ULL << 20U;

// Throws Error of kind kUsage for a budget below the least.
void RequireMemoryBudget(std::uint64_t bytes);

// As many as the machine has.
[[nodiscard]] unsigned DefaultThreads();

struct OutputFiles {
  HashedOutput* model = nullptr;
  HashedOutput* data = nullptr;  // null where the layout has no data file
};

struct ExecuteResult {
  // SHA-256 of the files that are not in memory, in the order of Model::files(); none where none were wanted.
  std::vector<std::string> input_hashes;
  std::vector<QuantizationError> errors;  // by Plan::weights; none where they were not to be measured
  unsigned most_steps = 0;                // that a given code is from the nearest
};

// Reads every input once from front to back (weights larger than the budget twice), quantizes and copies, and
// writes every tensor to its place. Throws UnstorableWeight for a NaN or an infinity in a weight that the
// plan quantizes (exec/unstorable.hpp), and Error of kind kFailure for an input that changed since it was
// opened.
ExecuteResult Execute(const Model& model, const Plan& plan, const Layout& layout, OutputFiles outputs,
                      const ExecuteOptions& options);

// Throws Error of kind kFailure where a file of the model was changed since it was opened.
void RequireUnchanged(const Model& model);

// What lies between the tensors in the data file, and stays zero.
[[nodiscard]] std::vector<ByteRange> GapsInData(const Model& model, const Plan& plan, const Layout& layout);

// Writes what stands in the model file around the tensors: the rest of it.
void WriteGraph(const ModelImage& image, HashedOutput& model_file);

// Bytes that Execute reads, for progress: the inputs, and again what is read twice.
[[nodiscard]] std::uint64_t BytesToRead(const Model& model, const Plan& plan, const Layout& layout,
                                        const ExecuteOptions& options);

// The version of the oneTBB that runs the pipeline.
[[nodiscard]] std::string TbbVersion();

}  // namespace qi8
