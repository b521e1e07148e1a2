// Which nodes the user wants quantized: operators and patterns, checked against the model.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "model/model.hpp"
#include "qi8/options.hpp"
#include "qi8/report.hpp"
#include "rules/rule.hpp"

namespace qi8 {

class NodeSelector {
 public:
  // Throws Error of kind kUsage, see MakePlan.
  NodeSelector(const Selection& selection, const Model& model);
  ~NodeSelector();

  // Why the node is not to be quantized by the rule, as far as its operator and name tell.
  [[nodiscard]] std::optional<Skip> Refuse(const Rule& rule, const Node& node) const;

 private:
  struct Pattern;
  static std::vector<Pattern> Compile(const std::vector<std::string>& patterns, const std::string& option);

  std::vector<std::string> ops_;
  std::vector<Pattern> include_;
  std::vector<Pattern> exclude_;
};

}  // namespace qi8
