// Proof after the fact: that a model that Quantize() wrote is what it wrote.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "qi8/error.hpp"
#include "qi8/link_policy.hpp"
#include "qi8/observer.hpp"
#include "qi8/optimizer.hpp"

namespace qi8 {

struct VerifyOptions {
  std::filesystem::path model;                   // INT8
  std::optional<std::filesystem::path> against;  // the FP32 model that it came from
  bool use_checksums = true;
  std::optional<std::filesystem::path> checksum_file;  // default: MODEL.sha256

  // For `against`, as in QuantizeOptions.
  LinkPolicy links = LinkPolicy::kSafe;  // to the external data of either model
  std::string isa = "auto";
  unsigned threads = 0;
  std::uint64_t memory_budget = 96ULL << 20U;
};

enum class CheckOutcome { kHolds, kFails, kNotChecked };

struct Check {
  std::string name;  // one word, always the same: "checksums", "loads", ...
  CheckOutcome outcome = CheckOutcome::kHolds;
  std::string detail;                 // what was looked at, or why nothing was
  std::vector<std::string> problems;  // the first of them, at most kMostProblems
  std::uint64_t problem_count = 0;
  std::string advice = {};  // what to do, where the problems may come from something else than damage
};

inline constexpr std::size_t kMostProblems = 20;

// How far the codes of a weight are from its numbers.
struct WeightError {
  std::string weight;  // its name in the FP32 model
  std::vector<std::int64_t> shape;
  double sqnr_db = 0;        // 10 log10 of the power of the weight over that of the error; infinite: none
  double largest_error = 0;  // in the weight's unit
};

struct VerifyReport {
  std::vector<Check> checks;
  std::vector<WeightError> weights;  // with `against`, in the order of the file
  double seconds = 0;
  std::uint64_t peak_memory_bytes = 0;  // largest resident set of the process

  [[nodiscard]] bool holds() const {
    return std::ranges::none_of(checks,
                                [](const Check& check) { return check.outcome == CheckOutcome::kFails; });
  }
};

// Checks, in this order:
//   checksums  the model's files have the SHA-256 that the checksum file says
//   loads      the file is a whole ONNX model; every tensor's type, shape and place agree with its file
//   names      every name that is read is defined, once, and every operator set that is used is imported
//   order      nodes stand behind those whose outputs they read
//   weights    INT8 weights have scales and zero points of the right shape and type; scales are finite
//              and not of mixed sign
//   origin     the metadata about the model's origin is there, as it was written, and true of the files
// and with `against`
//   source     that model has the SHA-256 that the origin says
//   tensors    every INT8 tensor, scale, zero point and copied tensor is, bit for bit, what that model gives
//   graph      so is all the rest of the model
// What does not hold is in the report. Throws Error where something cannot be read: kFailure for I/O and for
// a missing checksum file, kInvalidModel where the model to compare against is damaged, kUsage for options
// that cannot be meant, kInterrupted.
//
// A model that was optimized before it was quantized is optimized again for `against`, beside MODEL, which
// takes the optimizer of the same name and version: kFailure where `optimizer` is another, kUsage where it is
// null.
[[nodiscard]] VerifyReport Verify(const VerifyOptions& options, Observer& observer,
                                  Optimizer* optimizer = nullptr);

}  // namespace qi8
