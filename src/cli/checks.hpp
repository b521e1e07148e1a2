// Checks of what options take. Each message names what was given and what is wanted.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace qi8::cli {

inline constexpr std::uint64_t kAnyNumber = UINT64_MAX;

// "'-1' is not a whole number from 1 to 1024"
[[nodiscard]] CLI::Validator WholeNumber(std::uint64_t least = 0, std::uint64_t most = kAnyNumber);

[[nodiscard]] CLI::Validator Number();

[[nodiscard]] CLI::Validator TrueOrFalse();

// "64 hexadecimal digits", as sha256sum prints them.
[[nodiscard]] CLI::Validator IsSha256();

// Refuses "-", which other programs take for standard input or output.
[[nodiscard]] CLI::Validator NoStandardStream();

// Makes the option take one of these words, and say so.
CLI::Option* OneOf(CLI::Option* option, const std::vector<std::string>& words);

// Gives every option the check that follows from its type (cli/option_text.hpp), so that CLI11 never has to
// say in its own words that it could not convert something.
void AddTypeChecks(CLI::App& app);

}  // namespace qi8::cli
