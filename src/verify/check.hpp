// Making entries of a VerifyReport.
#pragma once

#include <string>

#include "qi8/verify.hpp"

namespace qi8 {

inline void AddProblem(Check& check, const std::string& problem) {
  check.outcome = CheckOutcome::kFails;
  ++check.problem_count;
  if (check.problems.size() < kMostProblems) check.problems.push_back(problem);
}

[[nodiscard]] inline Check NotChecked(const std::string& name, const std::string& why) {
  return {
      .name = name, .outcome = CheckOutcome::kNotChecked, .detail = why, .problems = {}, .problem_count = 0};
}

[[nodiscard]] inline Check NewCheck(const std::string& name, const std::string& detail = "") {
  return {
      .name = name, .outcome = CheckOutcome::kHolds, .detail = detail, .problems = {}, .problem_count = 0};
}

}  // namespace qi8
