// Parts that pages of this program are made of: one style, and sections with tables.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace qi8::compare {

// A whole page: `mark` first, which tells whose it is, then the title, and the body as it is. Nothing is
// loaded from anywhere; a script is run only where there is one.
[[nodiscard]] std::string HtmlPage(std::string_view mark, const std::string& title, const std::string& body,
                                   const std::string& script = "");

// Titles and notes are text, bodies are HTML.
[[nodiscard]] std::string Section(const std::string& title, const std::string& note, const std::string& body);
[[nodiscard]] std::string Cell(const std::string& text, const char* css_class = "");

// The column that a narrow page has no room for.
inline constexpr const char* kChange = "change";

// `rows` are HTML.
[[nodiscard]] std::string Table(const std::vector<std::string>& titles, const std::string& rows);

}  // namespace qi8::compare
