// The plan: for every node with a weight what becomes of it, and all that follows for tensors and graph.
// Pure: a model and a selection in, a value out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/channel_shape.hpp"
#include "model/edit.hpp"
#include "model/model.hpp"
#include "qi8/options.hpp"
#include "qi8/report.hpp"
#include "rules/rule.hpp"

namespace qi8 {

struct ScaleOutput {
  std::uint32_t tensor = 0;  // number of the output tensor that holds the scales
  float factor = 1;          // what they are multiplied by
};

// A weight that becomes INT8, however many nodes use it.
struct QuantizedWeight {
  TensorId source = kNone;
  ChannelShape shape;
  WeightLayout layout = WeightLayout::kAsStored;
  std::uint32_t int8_tensor = 0;    // number of the output tensor
  std::vector<ScaleOutput> scales;  // one for each factor asked for
};

struct Plan {
  std::vector<NodeDecision> nodes;       // in the order of the graph, bodies after the node they belong to
  std::vector<QuantizedWeight> weights;  // in the order in which nodes ask for them
  Rewrite rewrite;
};

// Throws Error of kind kUsage for an operator that has no rule, and for a pattern that is no regular
// expression or matches no node.
[[nodiscard]] Plan MakePlan(const Model& model, const Selection& selection);

// The fewest elements that make a floating-point constant a weight worth a line in the plan.
inline constexpr std::uint64_t kListedElements = 16;

// More output channels than this are not quantized: their scales are held in memory while a weight streams
// by.
inline constexpr std::uint64_t kMostChannels = 1ULL << 19U;

}  // namespace qi8
