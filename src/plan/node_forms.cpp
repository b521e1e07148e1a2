#include "plan/node_forms.hpp"

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "core/text.hpp"
#include "plan/node_pattern.hpp"
#include "qi8/error.hpp"
#include "rules/rule.hpp"

namespace qi8 {
namespace {

// A rule of the options, and whether a node was found for it.
struct Chooser {
  const FormRule& rule;
  std::optional<NodePattern> pattern;
  bool is_used = false;
};

}  // namespace

std::vector<Form> NodeForms(const Model& model, const Selection& selection) {
  std::vector<Chooser> choosers;
  for (const FormRule& rule : selection.forms) {
    choosers.push_back({rule, std::nullopt});
    if (rule.pattern) choosers.back().pattern.emplace(*rule.pattern, "--form " + NameOf(rule.form) + "=");
  }
  std::vector<Form> forms(model.nodes().size());
  std::set<std::string_view> named;
  for (const Node& node : model.nodes()) {
    if (FindRule(node) == nullptr) continue;
    const std::string_view name = NameInPlans(node);
    for (Chooser& chooser : choosers) {
      if (chooser.pattern && !chooser.pattern->Matches(name)) continue;
      chooser.is_used = true;
      forms[node.id] = chooser.rule.form;
    }
    const auto own = selection.node_forms.find(std::string(name));
    if (own == selection.node_forms.end()) continue;
    forms[node.id] = own->second;
    named.insert(own->first);
  }
  const auto fail = [](const std::string& what) {
    throw Error(ErrorKind::kUsage, what + " no node that has a form; --dry-run lists the names");
  };
  for (const Chooser& chooser : choosers) {
    if (!chooser.pattern || chooser.is_used) continue;
    fail("--form " + NameOf(chooser.rule.form) + "=" + *chooser.rule.pattern + " matches");
  }
  for (const auto& [name, form] : selection.node_forms) {
    if (!named.contains(name)) fail("--node-form " + NameOf(form) + "=" + name + " names");
  }
  return forms;
}

}  // namespace qi8
