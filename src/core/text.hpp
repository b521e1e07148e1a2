// Text for people: quoted names, sizes, lists.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace qi8 {

// The name in single quotes, safe to print: control bytes as \xNN, and what is longer than `limit` bytes cut
// in the middle. Names come from files that strangers made.
[[nodiscard]] std::string Quote(std::string_view name, std::size_t limit = 120);

// The name for a column of a table: as Quote, without the quotes, which would only widen it.
[[nodiscard]] std::string Plain(std::string_view name, std::size_t limit = 60);

// Columns as wide as their widest cell, two spaces between them;
// no line ends in spaces.
[[nodiscard]] std::string FormatTable(const std::vector<std::vector<std::string>>& rows);

// "4.29 GB", "250 KB", "12 bytes": decimal units, three significant digits.
[[nodiscard]] std::string FormatBytes(std::uint64_t bytes);

// "4,294,967,296"
[[nodiscard]] std::string FormatCount(std::uint64_t number);

// "[2, 3, 4]"
[[nodiscard]] std::string FormatShape(std::span<const std::int64_t> dims);

}  // namespace qi8
