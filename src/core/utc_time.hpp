// The time that records and reports carry.
#pragma once

#include <string>

namespace qi8 {

// Now, or what SOURCE_DATE_EPOCH says where a reproducible build sets it: ISO 8601 in UTC, to the second.
[[nodiscard]] std::string UtcTime();

}  // namespace qi8
