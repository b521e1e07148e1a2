#include "rollout/unified_diff.hpp"

#include <algorithm>
#include <stdexcept>
#include <vector>

namespace qi8 {
namespace {

constexpr std::size_t kContext = 3;

std::vector<std::string_view> Lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t length = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.push_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return lines;
}

std::string Line(char sign, std::string_view line) {
  std::string out = sign + std::string(line);
  if (!line.ends_with('\n')) out += "\n\\ No newline at end of file\n";
  return out;
}

}  // namespace

std::string UnifiedDiff(std::string_view before, std::string_view after, const std::string& name) {
  const auto old_lines = Lines(before);
  const auto new_lines = Lines(after);
  if (old_lines.size() != new_lines.size())
    throw std::logic_error("UnifiedDiff: other lines, not changed ones");
  const std::size_t count = old_lines.size();
  const auto next_change = [&](std::size_t from) {
    while (from < count && old_lines[from] == new_lines[from]) ++from;
    return from;
  };
  std::string out;
  for (std::size_t change = next_change(0); change < count;) {
    const std::size_t begin = change - std::min(change, kContext);
    std::size_t last = change;  // changes with little between them share a hunk
    for (std::size_t next = change; next < count && next <= last + 1 + 2 * kContext;
         next = next_change(next + 1)) {
      last = next;
    }
    const std::size_t end = std::min(count, last + 1 + kContext);
    const std::string range = std::to_string(begin + 1) + "," + std::to_string(end - begin);
    out += "@@ -" + range + " +" + range + " @@\n";
    for (std::size_t i = begin; i < end; ++i) {
      if (old_lines[i] == new_lines[i]) {
        out += Line(' ', old_lines[i]);
        continue;
      }
      std::size_t run = i;  // a block of changed lines: first what goes, then what comes
      for (; run < end && old_lines[run] != new_lines[run]; ++run) out += Line('-', old_lines[run]);
      for (; i < run; ++i) out += Line('+', new_lines[i]);
      --i;
    }
    change = next_change(end);
  }
  return out.empty() ? out : "--- " + name + "\n+++ " + name + "\n" + out;
}

}  // namespace qi8
