// Inputs that rounding is learned from, and inputs that it is judged by.
#pragma once

#include <vector>

#include "compare/cases.hpp"

namespace qi8::rounding {

struct SplitCases {
  std::vector<compare::InputSet> learned_from;
  std::vector<compare::InputSet> judged_by;
};

// Whether Split would divide these.
[[nodiscard]] bool CanSplit(const std::vector<compare::InputSet>& cases);

// Every fourth case is one to judge by. Of fewer than four cases, each whose inputs share a batch of four or
// more is divided: its last quarter is for judging. Throws Error of kind kUsage where neither can be done:
// what is learned from a few inputs cannot be trusted where no other input has confirmed it.
[[nodiscard]] SplitCases Split(std::vector<compare::InputSet> cases);

}  // namespace qi8::rounding
