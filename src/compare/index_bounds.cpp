#include "compare/index_bounds.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "edit/constant_view.hpp"

namespace qi8::compare {
namespace {

// Which input of an operator has the indices, which the table.
struct Lookup {
  std::string_view op_type;
  std::size_t indices;
  std::size_t table;
};
constexpr Lookup kLookups[] = {
    {"Gather", 1, 0},
    {"GatherElements", 1, 0},
    {"EmbedLayerNormalization", 0, 2},  // word
    {"EmbedLayerNormalization", 1, 4},  // segment
};

// Of the table that the node looks up by its input `input`.
std::optional<std::int64_t> RowsOf(const Model& model, const Node& node, std::size_t input) {
  for (const Lookup& lookup : kLookups) {
    if (node.op_type != lookup.op_type || lookup.indices != input || lookup.table >= node.inputs.size()) {
      continue;
    }
    const auto seen = ViewConstant(model, node.input_values[lookup.table]);
    const auto* const table = std::get_if<ConstantView>(&seen);
    if (table == nullptr || table->dims.empty()) continue;
    const auto rank = static_cast<std::int64_t>(table->dims.size());
    const std::int64_t stated = model.IntAttribute(node, "axis", 0);
    const std::int64_t axis = stated < 0 ? stated + rank : stated;
    if (axis >= 0 && axis < rank) return table->dims[static_cast<std::size_t>(axis)];
  }
  return std::nullopt;
}

struct Use {
  NodeId node = 0;
  std::size_t input = 0;
};

std::vector<std::vector<Use>> UsesByValue(const Model& model) {
  std::vector<std::vector<Use>> uses(model.values().size());
  for (NodeId n = 0; n < model.nodes().size(); ++n) {
    const Node& node = model.nodes()[n];
    for (std::size_t i = 0; i < node.input_values.size(); ++i) {
      if (node.input_values[i] != kNone) uses[node.input_values[i]].push_back({n, i});
    }
  }
  return uses;
}

// Values by the node that makes them.
std::vector<std::vector<ValueId>> OutputsByNode(const Model& model) {
  std::vector<std::vector<ValueId>> outputs(model.nodes().size());
  for (ValueId v = 0; v < model.values().size(); ++v) {
    const NodeId producer = model.values()[v].producer;
    if (producer != kNone) outputs[producer].push_back(v);
  }
  return outputs;
}

}  // namespace

std::map<std::string, std::int64_t> IndexBounds(const Model& model) {
  const auto uses = UsesByValue(model);
  const auto outputs = OutputsByNode(model);
  std::map<std::string, std::int64_t> bounds;
  std::vector<bool> reached(model.values().size());  // each from one input at most
  for (ValueId input = 0; input < model.values().size(); ++input) {
    const Value& value = model.values()[input];
    if (!value.is_graph_input || value.is_initializer || value.graph != 0) continue;
    std::vector<ValueId> to_follow = {input};
    while (!to_follow.empty()) {
      const ValueId followed = to_follow.back();
      to_follow.pop_back();
      if (reached[followed]) continue;
      reached[followed] = true;
      for (const Use& use : uses[followed]) {
        const Node& node = model.nodes()[use.node];
        if (const auto rows = RowsOf(model, node, use.input)) {
          const auto [entry, is_first] = bounds.try_emplace(std::string(value.name), *rows);
          if (!is_first) entry->second = std::min(entry->second, *rows);
        } else if (use.input == 0 && IsViewOperator(node)) {
          to_follow.insert(to_follow.end(), outputs[use.node].begin(), outputs[use.node].end());
        }
      }
    }
  }
  return bounds;
}

}  // namespace qi8::compare
