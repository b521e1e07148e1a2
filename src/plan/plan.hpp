// The plan: for every node with a weight what becomes of it, and all that follows for tensors and graph.
// Pure: a model and a selection in, a value out.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/encoding.hpp"
#include "model/edit.hpp"
#include "model/model.hpp"
#include "qi8/options.hpp"
#include "qi8/report.hpp"

namespace qi8 {

// A matrix or a batch of them whose rows and columns change places on the way.
struct Transposition {
  std::uint64_t batches = 1;
  std::uint64_t rows = 1;  // as stored in the input
  std::uint64_t columns = 1;

  friend bool operator==(const Transposition&, const Transposition&) = default;
};

// A tensor of the output that holds a part of a weight.
struct WeightOutput {
  WeightPart part = WeightPart::kCodes;
  std::uint32_t tensor = 0;  // number of the output tensor
  float factor = 1;          // that the numbers of the part are multiplied by; of scales and sums only

  // Whether both have the same bytes, for which they share a place in the file.
  [[nodiscard]] bool HasBytesOf(const WeightOutput& other) const;
};

// A weight that is stored in few bits, however many nodes use it.
struct QuantizedWeight {
  TensorId source = kNone;
  Encoding encoding;
  // Else the codes are written in the order of the input. Scales of blocks are turned with their codes.
  std::optional<Transposition> transposition;
  // One for each part, graph, shape and factor that a node asked for. The first has the codes.
  std::vector<WeightOutput> outputs;

  [[nodiscard]] bool HasPart(WeightPart part) const;
  // The output tensor that stands for the weight where it needs one number.
  [[nodiscard]] std::uint32_t codes() const { return outputs.front().tensor; }
};

struct Plan {
  std::vector<NodeDecision> nodes;       // in the order of the graph, bodies after the node they belong to
  std::vector<QuantizedWeight> weights;  // in the order in which nodes ask for them
  Rewrite rewrite;
  std::size_t quantized_before = 0;  // nodes that compute with, or restore, numbers of few bits already
};

// Throws Error of kind kUsage for an operator that has no rule, and for a pattern that is not a regular
// expression or matches no node. Weights of `non_finite` are left as they are.
[[nodiscard]] Plan MakePlan(const Model& model, const Selection& selection,
                            std::set<TensorId> non_finite = {});
// The same, but `forms`, by NodeId, takes the place of the forms that the selection asks for.
[[nodiscard]] Plan MakePlan(const Model& model, const Selection& selection, std::vector<Form> forms,
                            std::set<TensorId> non_finite);

// The fewest elements that make a floating-point constant a weight worth a line in the plan.
inline constexpr std::uint64_t kListedElements = 16;

// More output channels than this are not quantized: their scales are held in memory while a weight streams
// by.
inline constexpr std::uint64_t kMostChannels = 1ULL << 19U;

}  // namespace qi8
