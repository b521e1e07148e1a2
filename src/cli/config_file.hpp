// Options from a TOML file: the long name of an option, without dashes, is the key of its value.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>

namespace qi8::cli {

// Declares --config FILE. What the command line gives counts more than the file. Declare it before the other
// options, for CLI11 settles options in the order of their declaration.
void AddConfigOption(CLI::App& app);

// Sets the options that have no value yet from the text of a configuration file; `file` is its name in
// messages. Flags and BOOL options take booleans, N integers, SIZE strings or integers, all others strings;
// repeatable options take arrays. Throws CLI::ConfigError naming file, line and key.
void ApplyConfig(CLI::App& app, std::string_view text, const std::string& file);

}  // namespace qi8::cli
