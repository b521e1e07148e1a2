// What a caller may ask of a run. The defaults are those of the command line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "qi8/form.hpp"
#include "qi8/link_policy.hpp"
#include "qi8/scheme.hpp"

namespace qi8 {

// The oldest ONNX Runtime that is to run the result.
struct TargetRuntime {
  unsigned major = 1;
  unsigned minor = 0;

  // MatMulNBits with 8 bits came with 1.22. The default, 1.0, says nothing of it: who asks for it has it.
  [[nodiscard]] bool has_blocks() const { return major > 1 || minor >= 22 || (major == 1 && minor == 0); }
  // Before, only uint8.
  [[nodiscard]] bool conv_takes_int8() const { return major > 1 || (major == 1 && minor >= 24); }
};

// Which nodes are quantized.
struct Selection {
  std::vector<std::string> ops = {"MatMul", "Gemm", "Gather"};  // operators; "all" for every rule
  // Operators whose weights are stored as INT8 and restored to floating point when the model is loaded, so
  // that they compute as before. Counts more than `ops` for an operator in both.
  std::vector<std::string> store_int8 = {};
  // Regular expressions (RE2 syntax) that match anywhere in a node's name. With `include`, only nodes that
  // one of them matches; `exclude` wins. One that matches no node of the model is an error.
  std::vector<std::string> include;
  std::vector<std::string> exclude;
  // The forms of products: of several that match a node, the last counts. One that matches no node of the
  // model is an error. A product that cannot have its form has the nearest that it can.
  std::vector<FormRule> forms = {{{FormKind::kPerToken}}};
  std::map<std::string, Form> node_forms = {};  // by exact name; counts more than `forms`
  std::uint64_t min_elements = 0;               // weights with fewer are left alone
  Scheme scheme = {};
  Granularity granularity = Granularity::kChannel;
  // A MatMul is quantized only where one factor is constant; false: also the product of two activations.
  bool matmul_const_b_only = true;
  TargetRuntime target = {};
  bool subgraphs = true;  // also in the bodies of If, Loop and Scan
  // Also initializers that are graph inputs too: as these are then not inputs any more, a caller cannot give
  // others.
  bool override_inputs = false;
  // Also weights that take more bytes once they are quantized: codes and scales are fewer, but the nodes that
  // compute with them have names, too.
  bool allow_growth = false;
};

// What is done to the FP32 model before it is quantized (qi8/optimizer.hpp).
enum class Optimization {
  kOff,
  kBasic,     // constants folded, nodes that do nothing removed
  kExtended,  // and operators fused into larger ones of the domain com.microsoft
};

// How the codes of weights are chosen.
enum class Rounding {
  kNearest,  // each is the one nearest to its number
  // Those of a product together, by what inputs of the model show it to be given: GPTQ (src/rounding). The
  // command line has it; it takes ONNX Runtime.
  kLearned,
};

enum class ExternalData {
  kAlways,  // weights of 1 KiB and more in OUTPUT.onnx.data
  kAuto,    // kNever when that gives a file below 1 GiB, else kAlways
  kNever,   // all in OUTPUT.onnx, which protobuf keeps below 2 GiB
};

struct QuantizeOptions {
  std::filesystem::path input;
  std::filesystem::path output;
  LinkPolicy links = LinkPolicy::kSafe;  // to the external data of the input
  Selection selection;
  Optimization optimize = Optimization::kOff;
  Rounding rounding = Rounding::kNearest;
  ExternalData external_data = ExternalData::kAlways;
  bool replace_output = false;  // --force
  bool keep_non_finite = true;  // leave weights with a NaN or an infinity alone; else they are an error
  bool dry_run = false;         // plan and lay out, write nothing
  bool allow_empty = false;     // write an output even where nothing is quantized
  // The SHA-256 that the .onnx file must have, 64 hexadecimal digits: what a plan was made for.
  std::optional<std::string> expected_input = std::nullopt;
  bool hash_inputs = true;  // --no-input-checksum unsets it

  // The name of the data file, beside the output: no folders, no dot in front. Default: OUTPUT.onnx.data
  std::optional<std::string> data_file = std::nullopt;
  std::optional<std::filesystem::path> checksum_file;  // default: OUTPUT.onnx.sha256
  std::optional<std::filesystem::path> audit_log;      // default: quantization_log.jsonl beside the output

  std::string isa = "auto";  // instruction set of the kernels: the best that the machine has, or one by its
                             // name, as "avx2"; the output is the same with each
  unsigned threads = 0;      // 0: as many as the machine has
  std::uint64_t memory_budget = 96ULL << 20U;  // bytes for weights in flight
};

}  // namespace qi8
