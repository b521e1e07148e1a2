// Which nodes the user wants quantized: operators and patterns, checked against the model.
#pragma once

#include <optional>
#include <vector>

#include "model/model.hpp"
#include "plan/node_pattern.hpp"
#include "qi8/options.hpp"
#include "qi8/report.hpp"
#include "rules/rule.hpp"

namespace qi8 {

class NodeSelector {
 public:
  // Throws Error of kind kUsage, see MakePlan.
  NodeSelector(const Selection& selection, const Model& model);

  // Whether the node's weights are only to be stored as INT8.
  [[nodiscard]] bool StoresOnly(const Node& node) const;

  // Why the node is not to be quantized, as far as its operator, place and name tell.
  [[nodiscard]] std::optional<Skip> Refuse(const Node& node) const;

 private:
  std::vector<std::string> ops_;
  std::vector<std::string> stored_ops_;
  bool subgraphs_;
  std::vector<NodePattern> include_;
  std::vector<NodePattern> exclude_;
};

}  // namespace qi8
