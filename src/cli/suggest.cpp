#include "cli/suggest.hpp"

#include <algorithm>
#include <vector>

namespace qi8::cli {
namespace {

// Slips between the words (optimal string alignment).
std::size_t Slips(std::string_view one, std::string_view other) {
  std::vector<std::size_t> before_last;
  std::vector<std::size_t> last(other.size() + 1);
  for (std::size_t j = 0; j <= other.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= one.size(); ++i) {
    std::vector<std::size_t> current(other.size() + 1, i);
    for (std::size_t j = 1; j <= other.size(); ++j) {
      const std::size_t changed = one[i - 1] == other[j - 1] ? 0 : 1;
      current[j] = std::min({last[j] + 1, current[j - 1] + 1, last[j - 1] + changed});
      const bool swapped = i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1];
      if (swapped) current[j] = std::min(current[j], before_last[j - 2] + 1);
    }
    before_last = std::move(last);
    last = std::move(current);
  }
  return last.back();
}

}  // namespace

std::optional<std::string> Nearest(std::string_view word, std::span<const std::string> candidates) {
  constexpr std::size_t kLongestWord = 64;  // the work is quadratic
  constexpr std::size_t kLettersForOneSlip = 3;
  if (word.size() > kLongestWord) return std::nullopt;
  std::optional<std::string> nearest;
  std::size_t fewest = 1 + std::min<std::size_t>(3, word.size() / kLettersForOneSlip);
  for (const std::string& candidate : candidates) {
    const std::size_t slips = Slips(word, candidate);
    if (slips >= fewest) continue;
    fewest = slips;
    nearest = candidate;
  }
  return nearest;
}

std::vector<std::string> Completed(std::string_view word, std::span<const std::string> candidates) {
  constexpr std::size_t kShortestStart = 3;  // "--d", or a letter of an option with one dash
  const bool is_letter = word.size() == 2 && word[0] == '-' && word[1] != '-';
  const std::string start = (is_letter ? "-" : "") + std::string(word);
  if (start.size() < kShortestStart) return {};
  constexpr std::size_t kMost = 3;  // more would be a list, which --help is
  std::vector<std::string> completed;
  for (const std::string& candidate : candidates) {
    if (candidate.starts_with(start)) completed.push_back(candidate);
  }
  return completed.size() <= kMost ? completed : std::vector<std::string>();
}

std::string DidYouMean(std::string_view word, std::span<const std::string> candidates) {
  std::vector<std::string> meant = Completed(word, candidates);
  if (meant.empty()) {
    if (auto nearest = Nearest(word, candidates)) meant.push_back(*std::move(nearest));
  }
  std::string list;
  for (const std::string& one : meant) list += (list.empty() ? "" : " or ") + one;
  return list.empty() ? "" : " (did you mean " + list + "?)";
}

}  // namespace qi8::cli
