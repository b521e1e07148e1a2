// What a run decided, wrote and measured.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace qi8 {

// Why a node with a weight was left as it was.
enum class SkipReason {
  kOperatorNotSelected,  // there is a rule for it, and --ops does not name it
  kElsewhere,            // in a function, in an attribute or in a sparse tensor, not the input of a node
  kNoRule,               // there is no INT8 form for the operator
  kLocalFunction,        // the operator is a function that the model itself defines
  kOperand,              // not a weight of its operator: a bias, an addend, ...
  kExcluded,             // --exclude names the node
  kNotIncluded,          // --include names others
  kSubgraph,             // in a body, and --subgraphs is off
  kTooSmall,             // below --min-elements
  kNotConstant,          // the weight is computed, or comes from outside
  kActivations,          // a product of two activations, which has no weight
  kOverridable,          // an initializer that is a graph input too, so that a caller may replace it
  kType,                 // an element type that is not quantized
  kSparse,               // stored as a sparse tensor
  kNonFinite,            // it has a NaN or an infinity, which no code stands for
  kQuantized,            // restored from a form of few bits already
  kShape,                // a rank or size for which the operator has no INT8 form
  kForm,                 // the form float32 keeps it
  kNoSaving,             // INT8, scales and new nodes would take as many bytes as the weight
  kOpset,                // the model's opset has not the operators of the INT8 form
};

struct Skip {
  SkipReason reason = SkipReason::kNoRule;
  std::string detail;  // of this one node: "float16", "opset 9", ...; may be empty

  friend bool operator==(const Skip&, const Skip&) = default;
};

// A few words for people: "the weight is not constant".
[[nodiscard]] std::string Describe(SkipReason reason);

// A short fixed name for programs: "not-constant".
[[nodiscard]] std::string Identifier(SkipReason reason);

// One node that has a weight, and what becomes of it.
struct NodeDecision {
  std::string node;  // its name in the input; may be empty
  std::string op_type;
  std::string weight;  // the name of the tensor; empty where there is none
  std::string weight_type;
  std::vector<std::int64_t> weight_shape;
  std::uint64_t weight_bytes = 0;  // in the input
  // Which of the weights it is: lines of one number are about the same bytes of the input, under whatever
  // names.
  std::optional<std::size_t> weight_number = std::nullopt;
  std::uint64_t quantized_bytes =
      0;                       // INT8 and scales in the output; a shared weight counts at each of its nodes
  std::optional<Skip> skip;    // nothing: quantized
  bool stored_only = false;    // quantized, but restored to floating point on loading
  std::string form = "";       // of a product: "per-token", ...; empty: its operator has one form only
  std::string form_note = "";  // why it is not the form that was asked for; empty: it is
  bool also_kept = false;      // quantized, and kept as it was too, for others that need it so
};

struct FileReport {
  std::string path;
  std::uint64_t size = 0;
  std::string sha256;  // 64 hexadecimal digits; empty where it was not computed
};

// What would make the output of a model smaller whose weights are mostly left as they are.
struct StoreAdvice {
  std::vector<std::string> operators;  // for --store-int8, besides those that are there
  std::uint64_t output_bytes = 0;      // of all outputs then; exact
};

struct PlanReport {
  std::vector<NodeDecision> nodes;  // in the order of the graph
  std::vector<FileReport> inputs;   // the model, then its data files
  std::vector<FileReport> outputs;  // the model, then its data file if it has one; sizes are exact
  std::size_t quantized_nodes = 0;
  std::size_t quantized_before = 0;   // nodes of the input that compute with, or restore, numbers of few bits
  std::size_t quantized_weights = 0;  // tensors
  // Initializers of the input that are listed as inputs, which IR versions before 4 want, and that no caller
  // can replace: they are quantized like others.
  std::size_t constant_inputs = 0;
  std::uint64_t fp32_weight_bytes = 0;  // of the weights that are quantized
  std::uint64_t int8_weight_bytes = 0;  // of INT8 tensors and scales that replace them
  std::optional<StoreAdvice> store_advice = std::nullopt;

  [[nodiscard]] std::uint64_t input_bytes() const { return Total(inputs); }
  [[nodiscard]] std::uint64_t output_bytes() const { return Total(outputs); }

 private:
  static std::uint64_t Total(const std::vector<FileReport>& files) {
    std::uint64_t total = 0;
    for (const auto& file : files) total += file.size;
    return total;
  }
};

// What became of a weight whose rounding was to be learned from inputs.
struct LearnedWeight {
  std::string name;
  std::vector<std::int64_t> shape;
  std::uint32_t block = 0;  // elements that have a scale of their own; 0: whole channels have one
  std::uint64_t rows = 0;   // that its product is given by the inputs that were learned from
  // The power of the product's error on the inputs that judge, as a share of the product's own. Of several
  // products that use the weight, each counts by what its error does to the outputs of the model.
  double nearest_noise = 0;
  double learned_noise = 0;
  unsigned most_steps = 0;  // that a learned code is from the nearest
  std::string obstacle;     // why its codes are the nearest; empty: they are learned

  [[nodiscard]] bool is_learned() const { return obstacle.empty(); }
};

// What was learned, and from what.
struct RoundingReport {
  std::string inputs;            // where they come from, for people
  std::string inputs_sha256;     // of the elements of all inputs in their order, and of the mask's name
  std::size_t learned_from = 0;  // cases
  std::size_t judged_by = 0;
  std::vector<LearnedWeight> weights = {};

  // That a code of the output is from the nearest.
  [[nodiscard]] unsigned most_steps() const {
    unsigned most = 0;
    for (const LearnedWeight& weight : weights) {
      if (weight.is_learned()) most = std::max(most, weight.most_steps);
    }
    return most;
  }
};

enum class Outcome {
  kDone,              // outputs were written
  kPlanned,           // a dry run: nothing was to be written
  kNothingQuantized,  // nothing was written, for there was nothing to quantize
};

struct RunReport {
  PlanReport plan;
  std::optional<RoundingReport> rounding = std::nullopt;  // where it was learned
  Outcome outcome = Outcome::kDone;
  double seconds = 0;
  std::uint64_t peak_memory_bytes = 0;  // largest resident set of the process
  std::string checksum_file;            // path; empty where none was written
  std::string audit_log;                // path; empty where none was written
};

}  // namespace qi8
