// The inputs that a model is run with, in the form that tuning and learning take them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compare/cases.hpp"

namespace qi8::rounding {

// Every set of inputs is a case of its own.
[[nodiscard]] std::vector<compare::InputSet> SetsOf(compare::Cases cases);

// The SHA-256 of the elements of all inputs, in their order, and of the name of the mask where there is one.
[[nodiscard]] std::string HashOf(const std::vector<compare::InputSet>& sets,
                                 const std::optional<std::string>& mask);

}  // namespace qi8::rounding
