// What an option says of itself: the one reading of a declaration that help, manual page, completions and
// configuration files share.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace qi8::cli {

// The type names that checks, completions and configuration files go by. Any other is only shown in the help.
inline constexpr std::string_view kBoolType = "BOOL";      // true or false
inline constexpr std::string_view kCountType = "N";        // a whole number
inline constexpr std::string_view kSizeType = "SIZE";      // bytes, as 96MiB
inline constexpr std::string_view kFileType = "FILE";      // completed with names of files
inline constexpr std::string_view kFolderType = "FOLDER";  // completed with names of folders
inline constexpr std::string_view kPathType = "PATH";      // either
inline constexpr std::string_view kTableType =
    "FORM=NODE";  // a value and the name that it is for; in a file a table
inline constexpr std::string_view kNumberType = "X";  // a number, whole or not

inline constexpr char kBetweenChoices = '|';  // of a type that is one of several words

struct OptionText {
  std::vector<std::string> names;    // "-f", "--force"; of a positional, its one name
  std::string argument;              // "FILE", or "always|auto|never"; empty: a flag
  std::vector<std::string> choices;  // "always", "auto", "never"; empty: anything
  std::string description;
  std::string default_value;
  std::string group;
  bool positional = false;
  bool required = false;
  bool repeatable = false;

  [[nodiscard]] bool is_flag() const { return argument.empty() && !positional; }
};

[[nodiscard]] OptionText Describe(const CLI::Option& option);

// Those that people are to see, in the order of declaration.
[[nodiscard]] std::vector<OptionText> DescribeOptions(const CLI::App& app);

}  // namespace qi8::cli
