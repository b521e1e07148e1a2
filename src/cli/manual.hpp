// The manual page.
#pragma once

#include <span>
#include <string>

#include "cli/command_text.hpp"

namespace qi8::cli {

// A page in mdoc(7): the text with its lines @SYNOPSIS@, @OPTIONS@ and @COMMANDS@ replaced by what the
// commands declare. Throws std::invalid_argument where the text lacks one of them.
[[nodiscard]] std::string ManualPage(std::string text, std::span<const CommandText> commands);

}  // namespace qi8::cli
