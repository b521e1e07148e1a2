// How large the integers that a model is given may be: many index a table.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "model/model.hpp"

namespace qi8::compare {

// For every input of the model that indexes tables, itself or through operators that only show it in another
// form: the number of rows of the smallest. An index is at least 0 and below that.
[[nodiscard]] std::map<std::string, std::int64_t> IndexBounds(const Model& model);

}  // namespace qi8::compare
