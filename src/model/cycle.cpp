#include "model/cycle.hpp"

#include <algorithm>
#include <vector>

namespace qi8 {
namespace {

// Calls for every pair of nodes of one graph of which the one needs an output of the other.
template <typename Visit>
void ForEachNeed(std::span<const Graph> graphs, std::span<const Node> nodes, std::span<const Value> values,
                 const Visit& visit) {
  for (NodeId n = 0; n < nodes.size(); ++n) {
    for (const ValueId input : nodes[n].input_values) {
      const NodeId producer = input == kNone ? kNone : values[input].producer;
      if (producer == kNone) continue;
      NodeId needing = n;
      while (nodes[needing].graph != nodes[producer].graph) needing = graphs[nodes[needing].graph].owner;
      visit(producer, needing);
    }
  }
}

// For every node how many needs of it are never met: 0, where its graph can run it.
std::vector<std::uint32_t> UnmetNeeds(std::span<const Graph> graphs, std::span<const Node> nodes,
                                      std::span<const Value> values) {
  // The nodes that need node n are users[first[n]] to users[first[n + 1]].
  std::vector<std::size_t> first(nodes.size() + 1, 0);
  std::vector<std::uint32_t> unmet(nodes.size(), 0);
  ForEachNeed(graphs, nodes, values, [&](NodeId producer, NodeId needing) {
    ++first[producer + 1];
    ++unmet[needing];
  });
  for (std::size_t n = 0; n < nodes.size(); ++n) first[n + 1] += first[n];
  std::vector<NodeId> users(first.back());
  std::vector<std::size_t> end(first.begin(), first.end() - 1);
  ForEachNeed(graphs, nodes, values,
              [&](NodeId producer, NodeId needing) { users[end[producer]++] = needing; });

  std::vector<NodeId> ready;
  for (NodeId n = 0; n < nodes.size(); ++n) {
    if (unmet[n] == 0) ready.push_back(n);
  }
  while (!ready.empty()) {
    const NodeId done = ready.back();
    ready.pop_back();
    for (std::size_t i = first[done]; i < first[done + 1]; ++i) {
      if (--unmet[users[i]] == 0) ready.push_back(users[i]);
    }
  }
  return unmet;
}

}  // namespace

std::optional<NodeId> FindCycle(std::span<const Graph> graphs, std::span<const Node> nodes,
                                std::span<const Value> values) {
  const auto unmet = UnmetNeeds(graphs, nodes, values);
  const auto stuck = std::ranges::find_if(unmet, [](std::uint32_t count) { return count > 0; });
  if (stuck == unmet.end()) return std::nullopt;

  // Who never runs waits for another one that never runs: whoever goes from one to the next comes into a
  // circle, and is in it after as many steps as there are nodes.
  std::vector<NodeId> waits_for(nodes.size(), kNone);
  ForEachNeed(graphs, nodes, values, [&](NodeId producer, NodeId needing) {
    if (unmet[producer] > 0) waits_for[needing] = producer;
  });
  auto node = static_cast<NodeId>(stuck - unmet.begin());
  for (std::size_t i = 0; i < nodes.size(); ++i) node = waits_for[node];
  return node;
}

}  // namespace qi8
