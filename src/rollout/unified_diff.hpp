// A change as `diff -u` shows it.
#pragma once

#include <string>
#include <string_view>

namespace qi8 {

// For texts of equally many lines, of which some differ. Empty where none does.
[[nodiscard]] std::string UnifiedDiff(std::string_view before, std::string_view after,
                                      const std::string& name);

}  // namespace qi8
