// Weights of tests are often so small that a run would leave them alone.
#pragma once

#include <utility>

#include "qi8/options.hpp"

namespace qi8::testing {

// The selection with weights of any size, also those whose INT8 form makes the file larger.
[[nodiscard]] inline Selection OfAnySize(Selection selection = {}) {
  selection.allow_growth = true;
  return selection;
}

// The selection with the form `per-tensor` for every product, where it has the default forms: for tests of
// what planning does besides, in which few nodes stand for a product.
[[nodiscard]] inline Selection PerTensor(Selection selection = {}) {
  if (selection.forms == Selection().forms) selection.forms = {{{FormKind::kPerTensor}}};
  return selection;
}

}  // namespace qi8::testing
