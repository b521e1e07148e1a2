// Which form each node is to have: what the options say, as a value for each node.
#pragma once

#include <vector>

#include "model/model.hpp"
#include "qi8/form.hpp"
#include "qi8/options.hpp"

namespace qi8 {

// By NodeId. Throws Error of kind kUsage for a pattern that is no regular expression, and for a pattern or a
// name that matches no node that could have a form.
[[nodiscard]] std::vector<Form> NodeForms(const Model& model, const Selection& selection);

}  // namespace qi8
