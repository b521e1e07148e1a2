// Scripts with which shells complete command lines of the program.
#pragma once

#include <span>
#include <string>

#include "cli/command_text.hpp"

namespace qi8::cli {

// Commands in the first place, options with their descriptions, the words that an option takes, and names of
// files or folders where it takes one.
[[nodiscard]] std::string BashCompletion(std::span<const CommandText> commands);
[[nodiscard]] std::string ZshCompletion(std::span<const CommandText> commands);
[[nodiscard]] std::string FishCompletion(std::span<const CommandText> commands);

}  // namespace qi8::cli
