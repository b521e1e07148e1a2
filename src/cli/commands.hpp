// The commands of the program: the one list that main, help, manual page and completions are made from.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "cli/command.hpp"

namespace qi8::cli {

// A command is a word in the first place. Quantizing is what the program is for and has none: its name is "".
struct NamedCommand {
  std::string_view name;
  std::string_view summary;
  std::unique_ptr<Command> (*make)();
};

// Quantizing comes first.
[[nodiscard]] std::span<const NamedCommand> Commands();

// Null where no command has this word.
[[nodiscard]] const NamedCommand* FindCommand(std::string_view word);

// "quantize-int8 audit"
[[nodiscard]] std::string FullName(const NamedCommand& command);

// A command with its options declared on an app, ready to parse. The app refers to the command.
struct DeclaredCommand {
  std::unique_ptr<Command> command;
  std::unique_ptr<CLI::App> app;
};

[[nodiscard]] DeclaredCommand Declare(const NamedCommand& named);

}  // namespace qi8::cli
