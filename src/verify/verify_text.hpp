// A VerifyReport in words and as JSON.
#pragma once

#include <string>

#include "qi8/verify.hpp"

namespace qi8 {

// A line for each check, its problems below it; then the error of each weight, worst first, if there are any.
[[nodiscard]] std::string VerifyTable(const VerifyReport& report);

// One JSON object, indented, with a line feed behind it.
[[nodiscard]] std::string VerifyJson(const VerifyReport& report);

}  // namespace qi8
