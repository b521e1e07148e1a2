// An InspectReport in words and as JSON.
#pragma once

#include <cstdint>
#include <string>

#include "qi8/inspect.hpp"

namespace qi8 {

// `top`: how many of the largest weights are shown.
[[nodiscard]] std::string InspectText(const InspectReport& report, std::uint64_t top);

// One JSON object, indented, with a line feed behind it. It has every weight.
[[nodiscard]] std::string InspectJson(const InspectReport& report);

}  // namespace qi8
