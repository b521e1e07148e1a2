// The inputs that a model is run with, in the form that tuning and learning take them.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "compare/cases.hpp"

namespace qi8::rounding {

// Throws Error of kind kUsage where no recorded inputs are named: what is learned from inputs that are made
// up makes a model worse with real ones.
void RequireRecorded(const std::filesystem::path& inputs);

// Every set of inputs is a case of its own.
[[nodiscard]] std::vector<compare::InputSet> SetsOf(compare::Cases cases);

// The SHA-256 of the elements of all inputs, in their order, and of the name of the mask where there is one.
[[nodiscard]] std::string HashOf(const std::vector<compare::InputSet>& sets,
                                 const std::optional<std::string>& mask);

}  // namespace qi8::rounding
