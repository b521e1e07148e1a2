// Guesses what was meant.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace qi8::cli {

// The candidate that is nearest to `word`, where one is so near that a slip of the fingers explains it:
// letters left out, added, changed, or swapped with their neighbour.
[[nodiscard]] std::optional<std::string> Nearest(std::string_view word,
                                                 std::span<const std::string> candidates);

// The candidates that begin with `word`: "--dry" is that of "--dry-run", and "-v" of "--version". None where
// there are more than three.
[[nodiscard]] std::vector<std::string> Completed(std::string_view word,
                                                 std::span<const std::string> candidates);

// " (did you mean --exclude?)", or nothing.
[[nodiscard]] std::string DidYouMean(std::string_view word, std::span<const std::string> candidates);

}  // namespace qi8::cli
