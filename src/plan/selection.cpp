#include "plan/selection.hpp"

#include <algorithm>

#include "core/text.hpp"
#include "qi8/error.hpp"

namespace qi8 {

namespace {

[[noreturn]] void FailUsage(const std::string& message) { throw Error(ErrorKind::kUsage, message); }

std::vector<std::string> SelectedOps(const std::vector<std::string>& names) {
  const std::vector<std::string> all = ComputedOperators();
  std::string known;
  for (const std::string& name : all) known += (known.empty() ? "" : ", ") + name;
  std::vector<std::string> ops;
  for (const std::string& name : names) {
    if (name == "all") {
      ops.insert(ops.end(), all.begin(), all.end());
    } else if (std::ranges::find(all, name) != all.end()) {
      ops.push_back(name);
    } else {
      FailUsage("--ops: there is no rule for " + Quote(name) + "; known are " + known + ", and \"all\"");
    }
  }
  if (ops.empty()) FailUsage("--ops: the list is empty; name one or more of " + known + ", or \"all\"");
  return ops;
}

std::vector<std::string> StoredOps(const std::vector<std::string>& names) {
  std::vector<std::string> known = StorableOperators();
  for (const std::string& name : names) {
    if (name == "all") return known;
    if (std::ranges::find(known, name) != known.end()) continue;
    std::string list;
    for (const std::string& one : known) list += one + ", ";
    FailUsage("--store-int8: " + Quote(name) + " cannot be stored as INT8; known are " + list +
              "and \"all\"");
  }
  return names;
}

bool AnyMatches(const std::vector<NodePattern>& patterns, std::string_view name) {
  return std::ranges::any_of(patterns, [name](const auto& pattern) { return pattern.Matches(name); });
}

// Each of them matches a node of the model.
std::vector<NodePattern> Compile(const std::vector<std::string>& texts, const std::string& option,
                                 const Model& model) {
  std::vector<NodePattern> patterns;
  for (const std::string& text : texts) {
    const NodePattern& pattern = patterns.emplace_back(text, option);
    if (std::ranges::any_of(model.nodes(), [&](const Node& node) { return pattern.Matches(node.name); }))
      continue;
    FailUsage(option + " " + Quote(text) + " matches no node of the model; --dry-run lists the names");
  }
  return patterns;
}

}  // namespace

NodeSelector::NodeSelector(const Selection& selection, const Model& model)
    : ops_(SelectedOps(selection.ops)),
      stored_ops_(StoredOps(selection.store_int8)),
      subgraphs_(selection.subgraphs),
      include_(Compile(selection.include, "--include", model)),
      exclude_(Compile(selection.exclude, "--exclude", model)) {}

bool NodeSelector::StoresOnly(const Node& node) const {
  return !StorableInputs(node).empty() && std::ranges::find(stored_ops_, node.op_type) != stored_ops_.end();
}

std::optional<Skip> NodeSelector::Refuse(const Node& node) const {
  const Rule* const rule = FindRule(node);
  const bool computes = rule != nullptr && rule->computed.has_value();
  const bool is_selected = computes && std::ranges::find(ops_, rule->name_in_ops()) != ops_.end();
  if (!StoresOnly(node) && !is_selected) {
    const bool storable = !StorableInputs(node).empty();
    const std::string hint =
        storable ? "--store-int8 " + std::string(node.op_type) + " would store it as INT8" : "";
    return Skip{computes ? SkipReason::kOperatorNotSelected : SkipReason::kNoRule, hint};
  }
  if (node.graph != 0 && !subgraphs_) return Skip{SkipReason::kSubgraph, ""};
  if (AnyMatches(exclude_, node.name)) return Skip{SkipReason::kExcluded, ""};
  if (!include_.empty() && !AnyMatches(include_, node.name)) return Skip{SkipReason::kNotIncluded, ""};
  return std::nullopt;
}

}  // namespace qi8
