// Which form each node is to have: what the options say, as a value for each node.
#pragma once

#include <string_view>
#include <vector>

#include "model/model.hpp"
#include "qi8/form.hpp"
#include "qi8/options.hpp"

namespace qi8 {

// The name that a form is asked for by: that of the node; of one without a name, that of its first output.
[[nodiscard]] inline std::string_view NameInPlans(const Node& node) {
  return node.name.empty() && !node.outputs.empty() ? node.outputs.front() : node.name;
}

// By NodeId. Throws Error of kind kUsage for a pattern that is not a regular expression, and for a pattern or
// a name that matches no node that could have a form.
[[nodiscard]] std::vector<Form> NodeForms(const Model& model, const Selection& selection);

}  // namespace qi8
