// Text for people: quoted names, sizes, lists.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace qi8 {

// Text that others wrote, safe to print. What steers a terminal, breaks a line or changes the order in which
// text is read is shown as an escape, and so is a byte that is not UTF-8: control characters (C0, DEL and
// C1), line and paragraph separators, bidirectional marks, overrides and isolates, and what else has no looks
// but an effect.

// The name in single quotes, safe to print: \xNN for an ASCII control character or a byte that is not UTF-8,
// \uNNNN for the others; what is longer than `limit` bytes is cut in the middle, between characters. Names
// come from files that strangers made.
[[nodiscard]] std::string Quote(std::string_view name, std::size_t limit = 120);

// The name for a column of a table: as Quote, without the quotes, which would only widen it.
[[nodiscard]] std::string Plain(std::string_view name, std::size_t limit = 60);

// Whole text, of many lines: line breaks and tabs stay; \uNNNN for characters, so that JSON stays the same
// JSON, and \xNN for bytes that are not UTF-8, which no JSON has.
[[nodiscard]] std::string Printable(std::string_view text);

// Columns as wide as their widest cell on a terminal, two spaces between them;
// no line ends in spaces.
[[nodiscard]] std::string FormatTable(const std::vector<std::vector<std::string>>& rows);

// "4.29 GB", "250 KB", "12 bytes": decimal units, three significant digits.
[[nodiscard]] std::string FormatBytes(std::uint64_t bytes);

// "4,294,967,296"
[[nodiscard]] std::string FormatCount(std::uint64_t number);

// "1 weight", "2,000 weights"
[[nodiscard]] std::string FormatCount(std::uint64_t number, const std::string& thing);

// "[2, 3, 4]"
[[nodiscard]] std::string FormatShape(std::span<const std::int64_t> dims);

}  // namespace qi8
