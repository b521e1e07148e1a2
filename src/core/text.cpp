#include "core/text.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace qi8 {

namespace {

// A character of UTF-8, or one byte that is none.
struct Character {
  std::uint32_t code = 0;
  std::size_t bytes = 1;
  bool valid = false;
};

// The first character of a text that is not empty. Overlong forms, surrogates, numbers beyond U+10FFFF and
// pieces that are cut off are not characters.
Character First(std::string_view text) {
  const auto byte = [&text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  const std::size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  const Character none{lead, 1, false};
  if (lead < 0xc2 || lead > 0xf4 || text.size() < bytes) return none;
  std::uint32_t code = lead & (0xffU >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0U) != 0x80U) return none;
    code = code << 6U | (byte(i) & 0x3fU);
  }
  const std::uint32_t least = bytes == 4 ? 0x10000 : bytes == 3 ? 0x800 : 0x80;
  if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return none;
  return {code, bytes, true};
}

struct CodeRange {
  std::uint32_t first;
  std::uint32_t last;
};

// Whether one of the ranges has the code; they are in rising order.
template <std::size_t kCount>
bool IsIn(std::uint32_t code, const std::array<CodeRange, kCount>& ranges) {
  const auto range = std::ranges::lower_bound(ranges, code, {}, &CodeRange::last);
  return range != ranges.end() && range->first <= code;
}

// All of them have four digits at most.
constexpr std::array<CodeRange, 10> kUnsafe = {{{0x00, 0x1f},
                                                {0x7f, 0x9f},
                                                {0x061c, 0x061c},
                                                {0x180e, 0x180e},
                                                {0x200b, 0x200b},
                                                {0x200e, 0x200f},
                                                {0x2028, 0x202e},
                                                {0x2060, 0x206f},
                                                {0xfeff, 0xfeff},
                                                {0xfff9, 0xfffb}}};
// Drawn over the character before.
constexpr std::array<CodeRange, 4> kNoColumn = {
    {{0x0300, 0x036f}, {0x200c, 0x200d}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}}};
constexpr std::array<CodeRange, 9> kTwoColumns = {{{0x1100, 0x115f},
                                                   {0x2e80, 0xa4cf},
                                                   {0xac00, 0xd7a3},
                                                   {0xf900, 0xfaff},
                                                   {0xfe30, 0xfe6f},
                                                   {0xff00, 0xff60},
                                                   {0xffe0, 0xffe6},
                                                   {0x1f300, 0x1faff},
                                                   {0x20000, 0x3fffd}}};

void AppendEscape(std::string& text, const char* format, std::uint32_t code) {
  std::array<char, 16> escape{};
  std::snprintf(escape.data(), escape.size(), format, static_cast<unsigned>(code));
  text += escape.data();
}

template <class Escape>
std::string Escaped(std::string_view text, const Escape& escape) {
  std::string escaped;
  while (!text.empty()) {
    const Character character = First(text);
    if (!character.valid) {
      AppendEscape(escaped, "\\x%02x", character.code);
    } else if (!IsIn(character.code, kUnsafe) || !escape(escaped, character.code)) {
      escaped += text.substr(0, character.bytes);
    }
    text.remove_prefix(character.bytes);
  }
  return escaped;
}

std::string Name(std::string_view name) {
  return Escaped(name, [](std::string& text, std::uint32_t code) {
    AppendEscape(text, code < 0x80 ? "\\x%02x" : "\\u%04x", code);
    return true;
  });
}

bool IsInside(std::string_view text, std::size_t at) {
  return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0U) == 0x80U;
}

// Up to three bytes from `at` in this direction, to where a character begins.
std::size_t Boundary(std::string_view text, std::size_t at, bool forward) {
  std::size_t boundary = at;
  for (int i = 0; i < 3 && boundary > 0 && IsInside(text, boundary); ++i)
    boundary = forward ? boundary + 1 : boundary - 1;
  return boundary == text.size() || IsInside(text, boundary) ? at : boundary;
}

std::size_t Columns(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const Character character = First(text);
    columns += IsIn(character.code, kNoColumn) ? 0 : IsIn(character.code, kTwoColumns) ? 2 : 1;
    text.remove_prefix(character.bytes);
  }
  return columns;
}

}  // namespace

std::string Quote(std::string_view name, std::size_t limit) {
  if (name.size() <= limit) return "'" + Name(name) + "'";
  const std::size_t head = Boundary(name, limit / 2, /*forward=*/false);
  const std::size_t tail = Boundary(name, name.size() - limit / 2, /*forward=*/true);
  return "'" + Name(name.substr(0, head)) + "..." + Name(name.substr(tail)) + "'";
}

std::string Printable(std::string_view text) {
  return Escaped(text, [](std::string& escaped, std::uint32_t code) {
    if (code == '\n' || code == '\t') return false;
    AppendEscape(escaped, "\\u%04x", code);
    return true;
  });
}

std::string Plain(std::string_view name, std::size_t limit) {
  const std::string quoted = Quote(name, limit);
  return quoted.substr(1, quoted.size() - 2);
}

std::string FormatTable(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], Columns(row[c]));
  }
  std::string text;
  for (const auto& row : rows) {
    std::size_t padding = 0;  // before the next cell that is not empty
    for (std::size_t c = 0; c < row.size(); ++c) {
      if (!row[c].empty()) text.append(std::exchange(padding, 0), ' ') += row[c];
      padding += widths[c] - Columns(row[c]) + 2;
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

std::string FormatCount(std::uint64_t number, const std::string& thing) {
  return FormatCount(number) + " " + thing + (number == 1 ? "" : "s");
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
