#include "core/text.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace qi8 {

std::string Quote(std::string_view name, std::size_t limit) {
  std::string quoted = "'";
  const auto append = [&quoted](std::string_view part) {
    for (const char c : part) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte < 0x20 || byte == 0x7f) {
        std::array<char, 5> escape{};
        std::snprintf(escape.data(), escape.size(), "\\x%02x", static_cast<unsigned>(byte));
        quoted += escape.data();
      } else {
        quoted += c;
      }
    }
  };
  if (name.size() <= limit) {
    append(name);
  } else {
    append(name.substr(0, limit / 2));
    quoted += "...";
    append(name.substr(name.size() - limit / 2));
  }
  quoted += "'";
  return quoted;
}

std::string Plain(std::string_view name, std::size_t limit) {
  const std::string quoted = Quote(name, limit);
  return quoted.substr(1, quoted.size() - 2);
}

std::string FormatTable(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  }
  std::string text;
  for (const auto& row : rows) {
    std::size_t padding = 0;  // before the next cell that is not empty
    for (std::size_t c = 0; c < row.size(); ++c) {
      if (!row[c].empty()) text.append(std::exchange(padding, 0), ' ') += row[c];
      padding += widths[c] - row[c].size() + 2;
    }
    text += '\n';
  }
  return text;
}

std::string FormatBytes(std::uint64_t bytes) {
  if (bytes < 1000) return std::to_string(bytes) + (bytes == 1 ? " byte" : " bytes");
  constexpr std::array<const char*, 6> kUnits = {"KB", "MB", "GB", "TB", "PB", "EB"};
  double value = static_cast<double>(bytes) / 1000;
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  std::array<char, 32> text{};
  const int decimals = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  std::snprintf(text.data(), text.size(), "%.*f %s", decimals, value, kUnits.at(unit));
  return text.data();
}

std::string FormatCount(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t from_end = 3; from_end < text.size(); from_end += 4) {
    text.insert(text.size() - from_end, 1, ',');
  }
  return text;
}

std::string FormatShape(std::span<const std::int64_t> dims) {
  // No tensor that runs has so many; a file may say what it likes.
  constexpr std::size_t kMostShown = 16;
  std::string text = "[";
  for (const std::int64_t dim : dims.first(std::min(dims.size(), kMostShown))) {
    if (text.size() > 1) text += ", ";
    text += std::to_string(dim);
  }
  if (dims.size() > kMostShown) text += ", ... " + FormatCount(dims.size()) + " dimensions";
  return text + "]";
}

}  // namespace qi8
