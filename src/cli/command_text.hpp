// What each command says of itself, for manual page and completions.
#pragma once

#include <string>
#include <vector>

#include "cli/option_text.hpp"

namespace qi8::cli {

struct CommandText {
  std::string name;       // "audit"; empty: quantizing, which needs no word
  std::string full_name;  // "quantize-int8 audit"
  std::string summary;
  std::vector<OptionText> options;
  std::string footer;  // what stands in the help behind the options
};

// Every command, quantizing first.
[[nodiscard]] std::vector<CommandText> DescribeCommands();

}  // namespace qi8::cli
