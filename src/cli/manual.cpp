#include "cli/manual.hpp"

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <vector>

namespace qi8::cli {
namespace {

// Text in which nothing is a request: a backslash starts one anywhere, a point or quote at the start of a
// line.
std::string Escaped(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\') {
      escaped += "\\e";
    } else {
      escaped += c;
    }
  }
  return escaped.starts_with('.') || escaped.starts_with('\'') ? "\\&" + escaped : escaped;
}

// Every sentence starts a line, as mdoc wants it, and no line is long.
std::string Prose(const std::string& text) {
  constexpr std::size_t kLongestLine = 78;
  std::istringstream words(text);
  std::string prose;
  std::string line;
  for (std::string word; words >> word;) {
    const bool sentence_before = line.ends_with('.') || line.ends_with('!');
    if (!line.empty() && (sentence_before || line.size() + 1 + word.size() > kLongestLine)) {
      prose += Escaped(line) + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  return prose + Escaped(line) + "\n";
}

std::string Flag(const std::string& name) {  // .Fl writes the first dash
  return "Fl " + name.substr(1);
}

std::string Item(const OptionText& option) {
  std::string item = ".It ";
  if (option.positional) return item + "Ar " + option.names[0] + "\n";
  for (const std::string& name : option.names) {
    item += (&name == option.names.data() ? "" : " , ") + Flag(name);
  }
  if (!option.choices.empty()) {
    for (const std::string& choice : option.choices) {
      item += (&choice == option.choices.data() ? " Cm " : " | ") + choice;
    }
  } else if (!option.argument.empty()) {
    item += " Ar \\&" + Escaped(option.argument);
  }
  return item + "\n";
}

std::string Text(const OptionText& option) {
  std::string text = option.description;
  if (!text.ends_with('.')) text += ".";
  if (!option.default_value.empty()) text += " Default: " + option.default_value + ".";
  return Prose(text);
}

std::string List(const std::vector<const OptionText*>& options) {
  std::string list = ".Bl -tag -width Ds\n";
  for (const OptionText* option : options) list += Item(*option) + Text(*option);
  return list + ".El\n";
}

std::string OptionGroups(const CommandText& command) {
  std::vector<std::string> groups;
  for (const OptionText& option : command.options) {
    if (std::ranges::find(groups, option.group) == groups.end()) groups.push_back(option.group);
  }
  const auto options_group = std::find(groups.begin(), groups.end(), "Options");
  std::rotate(groups.begin(), options_group == groups.end() ? options_group : options_group + 1,
              groups.end());
  std::string text;
  for (const std::string& group : groups) {
    std::vector<const OptionText*> options;
    for (const OptionText& option : command.options) {
      if (option.group == group) options.push_back(&option);
    }
    text += ".Ss " + group + "\n" + List(options);
  }
  return text;
}

std::string Synopsis(const CommandText& command) {
  std::string text = ".Nm\n";
  if (!command.name.empty()) text += ".Cm " + command.name + "\n";
  for (const OptionText& option : command.options) {
    if (option.positional) text += (option.required ? ".Ar " : ".Op Ar ") + option.names[0] + "\n";
  }
  return text + ".Op Ar options\n";
}

// The paragraphs behind the options of the help; examples stay as they are.
std::string Footer(const std::string& footer) {
  std::string text;
  std::size_t begin = 0;
  while (begin < footer.size()) {
    const std::size_t end = std::min(footer.find("\n\n", begin), footer.size());
    const std::string paragraph = footer.substr(begin, end - begin);
    begin = end + 2;
    if (!paragraph.starts_with("Examples:\n")) {
      text += ".Pp\n" + Prose(paragraph);
      continue;
    }
    text += ".Bd -literal -offset indent\n";
    std::istringstream lines(paragraph.substr(paragraph.find('\n') + 1));
    for (std::string line; std::getline(lines, line);) {
      text += Escaped(line.substr(std::min(line.find_first_not_of(' '), line.size()))) + "\n";
    }
    text += ".Ed\n";
  }
  return text;
}

void ReplaceLine(std::string& text, const std::string& line, const std::string& with) {
  const std::size_t at = text.find("\n" + line + "\n");
  if (at == std::string::npos) throw std::invalid_argument("the manual's text has no line " + line);
  text.replace(at + 1, line.size() + 1, with);
}

}  // namespace

std::string ManualPage(std::string text, std::span<const CommandText> commands) {
  std::string synopsis;
  std::string sections;
  for (const CommandText& command : commands) {
    synopsis += Synopsis(command);
    if (command.name.empty()) continue;
    std::vector<const OptionText*> options;
    for (const OptionText& option : command.options) options.push_back(&option);
    sections +=
        ".Ss " + command.full_name + "\n" + Prose(command.summary) + List(options) + Footer(command.footer);
  }
  ReplaceLine(text, "@SYNOPSIS@", synopsis);
  ReplaceLine(text, "@OPTIONS@", OptionGroups(commands.front()));
  ReplaceLine(text, "@COMMANDS@", sections);
  return text;
}

}  // namespace qi8::cli
