#include "plan/selection.hpp"

#include <re2/re2.h>

#include <algorithm>

#include "core/text.hpp"
#include "qi8/error.hpp"

namespace qi8 {

struct NodeSelector::Pattern {
  std::unique_ptr<re2::RE2> regex;

  [[nodiscard]] bool Matches(std::string_view name) const {
    return re2::RE2::PartialMatch(re2::StringPiece(name.data(), name.size()), *regex);
  }
};

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
  const std::vector<std::string> known = StorableOperators();
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

template <typename Patterns>
bool AnyMatches(const Patterns& patterns, std::string_view name) {
  return std::ranges::any_of(patterns, [name](const auto& pattern) { return pattern.Matches(name); });
}

}  // namespace

NodeSelector::NodeSelector(const Selection& selection, const Model& model)
    : ops_(SelectedOps(selection.ops)),
      stored_ops_(StoredOps(selection.store_int8)),
      subgraphs_(selection.subgraphs),
      include_(Compile(selection.include, "--include")),
      exclude_(Compile(selection.exclude, "--exclude")) {
  const auto require_match = [&model](const Pattern& pattern, const std::string& option) {
    if (std::ranges::any_of(model.nodes(), [&](const Node& node) { return pattern.Matches(node.name); }))
      return;
    FailUsage(option + " " + Quote(pattern.regex->pattern()) +
              " matches no node of the model; --dry-run lists the names");
  };
  for (const Pattern& pattern : include_) require_match(pattern, "--include");
  for (const Pattern& pattern : exclude_) require_match(pattern, "--exclude");
}

NodeSelector::~NodeSelector() = default;

std::vector<NodeSelector::Pattern> NodeSelector::Compile(const std::vector<std::string>& patterns,
                                                         const std::string& option) {
  re2::RE2::Options quiet;
  quiet.set_log_errors(false);
  std::vector<Pattern> compiled;
  for (const std::string& text : patterns) {
    auto regex = std::make_unique<re2::RE2>(text, quiet);
    if (!regex->ok()) {
      FailUsage(option + " " + Quote(text) + " is not a regular expression: " + regex->error());
    }
    compiled.push_back({std::move(regex)});
  }
  return compiled;
}

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
