#include "cli/completions.hpp"

#include <algorithm>
#include <vector>

namespace qi8::cli {
namespace {

constexpr const char* kHeader =
    "# Completion of quantize-int8, made from the options that the program declares.\n";

std::string Join(const std::vector<std::string>& words, const std::string& between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

std::vector<std::string> Words(std::span<const CommandText> commands) {
  std::vector<std::string> words;
  for (const CommandText& command : commands) {
    if (!command.name.empty()) words.push_back(command.name);
  }
  return words;
}

// In single quotes, for any of the three shells but fish, which knows \' within them.
std::string ShellQuoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

bool IsFile(const OptionText& option) { return option.argument == kFileType; }
bool IsFolder(const OptionText& option) { return option.argument == kFolderType; }

std::string BashValues(const OptionText& option) {
  if (IsFile(option)) return "_quantize_int8_reply -f";
  if (IsFolder(option)) return "_quantize_int8_reply -d";
  if (!option.choices.empty()) return "_quantize_int8_reply -W " + ShellQuoted(Join(option.choices, " "));
  return ":";  // something that only the user knows
}

// The text with the brackets and colons escaped that separate things in zsh's _arguments.
std::string ZshEscaped(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string ZshAction(const OptionText& option) {
  if (option.positional || IsFile(option)) return "_files";
  if (IsFolder(option)) return "_files -/";
  return option.choices.empty() ? " " : "(" + Join(option.choices, " ") + ")";
}

std::vector<std::string> ZshSpecs(const OptionText& option, int& position) {
  if (option.positional) {
    const std::string place = option.repeatable ? "*" : std::to_string(++position);
    return {ShellQuoted(place + ":" + ZshEscaped(option.names[0]) + ":" + ZshAction(option))};
  }
  std::vector<std::string> specs;
  for (const std::string& name : option.names) {
    std::string spec = option.repeatable ? "*" : "(" + Join(option.names, " ") + ")";
    spec += name;
    if (!option.is_flag() && name.starts_with("--")) spec += "=";
    spec += "[" + ZshEscaped(option.description) + "]";
    if (!option.is_flag()) spec += ":" + ZshEscaped(option.argument) + ":" + ZshAction(option);
    specs.push_back(ShellQuoted(spec));
  }
  return specs;
}

std::string ZshArguments(const CommandText& command, const std::string& indent) {
  std::string text = indent + "_arguments -s :";
  int position = 0;
  for (const OptionText& option : command.options) {
    for (const std::string& spec : ZshSpecs(option, position)) text += " \\\n" + indent + "  " + spec;
  }
  return text + "\n";
}

std::string FishQuoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

std::string FishOption(const OptionText& option, const std::string& condition) {
  std::string names;
  for (const std::string& name : option.names) {
    names += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  }
  std::string values;
  if (IsFile(option)) {
    values = " -r -F";
  } else if (IsFolder(option)) {
    values = " -x -a '(__fish_complete_directories)'";
  } else if (!option.is_flag()) {
    values = " -x" + (option.choices.empty() ? "" : " -a " + FishQuoted(Join(option.choices, " ")));
  }
  return "complete -c quantize-int8 -n " + FishQuoted(condition) + names + values + " -d " +
         FishQuoted(option.description) + "\n";
}

}  // namespace

std::string BashCompletion(std::span<const CommandText> commands) {
  const auto words = Words(commands);
  std::string values;
  std::string options;
  for (const CommandText& command : commands) {
    std::vector<std::string> names;
    for (const OptionText& option : command.options) {
      if (option.positional) continue;
      names.insert(names.end(), option.names.begin(), option.names.end());
      if (option.is_flag()) continue;
      std::vector<std::string> patterns;
      for (const std::string& name : option.names) patterns.push_back(command.name + "," + name);
      values += "    " + Join(patterns, " | ") + ") " + BashValues(option) + "; return ;;\n";
    }
    options += "    " + (command.name.empty() ? "''" : command.name) + ") _quantize_int8_reply -W " +
               ShellQuoted(Join(names, " ")) + " ;;\n";
  }
  return std::string(kHeader) +
         "\n"
         "_quantize_int8_reply() {  # COMPGEN_ARGUMENT...\n"
         "  [[ $1 == -W ]] || compopt -o filenames 2>/dev/null\n"
         "  mapfile -t COMPREPLY < <(compgen \"$@\" -- \"$current\")\n"
         "}\n"
         "\n"
         "_quantize_int8() {\n"
         "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command=\n"
         "  COMPREPLY=()\n"
         "  # --option=value is three words for bash.\n"
         "  if [[ $current == '=' ]]; then\n"
         "    current=\n"
         "  elif [[ $previous == '=' ]]; then\n"
         "    previous=${COMP_WORDS[COMP_CWORD - 2]}\n"
         "  fi\n"
         "  if ((COMP_CWORD > 1)); then\n"
         "    case ${COMP_WORDS[1]} in\n"
         "      " +
         Join(words, " | ") +
         ") command=${COMP_WORDS[1]} ;;\n"
         "    esac\n"
         "  fi\n"
         "  case $command,$previous in\n" +
         values +
         "  esac\n"
         "  if [[ $current != -* ]]; then\n"
         "    _quantize_int8_reply -f\n"
         "    ((COMP_CWORD == 1)) && mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -W " +
         ShellQuoted(Join(words, " ")) +
         " -- \"$current\")\n"
         "    return\n"
         "  fi\n"
         "  case $command in\n" +
         options +
         "  esac\n"
         "}\n"
         "\n"
         "complete -F _quantize_int8 quantize-int8\n";
}

std::string ZshCompletion(std::span<const CommandText> commands) {
  std::string described;
  std::string cases;
  for (const CommandText& command : commands) {
    if (command.name.empty()) continue;
    described += "      " + ShellQuoted(command.name + ":" + command.summary) + "\n";
    cases += "    " + command.name + ")\n      shift words\n      ((CURRENT--))\n" +
             ZshArguments(command, "      ") + "      return\n      ;;\n";
  }
  return "#compdef quantize-int8\n" + std::string(kHeader) +
         "\n"
         "_quantize_int8() {\n"
         "  if ((CURRENT == 2)); then\n"
         "    local -a commands=(\n" +
         described +
         "    )\n"
         "    _describe -t commands command commands\n"
         "  else\n"
         "    case $words[2] in\n" +
         cases +
         "    esac\n"
         "  fi\n" +
         ZshArguments(commands.front(), "  ") +
         "}\n"
         "\n"
         "_quantize_int8 \"$@\"\n";
}

std::string FishCompletion(std::span<const CommandText> commands) {
  const std::string words = Join(Words(commands), " ");
  std::string text = kHeader;
  for (const CommandText& command : commands) {
    text += "\n";
    if (!command.name.empty()) {
      text += "complete -c quantize-int8 -n __fish_use_subcommand -a " + command.name + " -d " +
              FishQuoted(command.summary) + "\n";
    }
    const std::string condition = command.name.empty() ? "not __fish_seen_subcommand_from " + words
                                                       : "__fish_seen_subcommand_from " + command.name;
    for (const OptionText& option : command.options) {
      if (!option.positional) text += FishOption(option, condition);
    }
  }
  return text;
}

}  // namespace qi8::cli
