#include "cli/help.hpp"

#include <algorithm>
#include <sstream>

#include "cli/option_text.hpp"

namespace qi8::cli {
namespace {

constexpr std::size_t kWidth = 80;
constexpr std::size_t kDescriptionColumn = 30;
constexpr const char* kPlainOptions = "Options";  // CLI11's name of the group of those that were given none

// One entry: the name at the left, the text in its column, broken between words.
std::string Entry(const std::string& name, const std::string& text) {
  std::string out = "  " + name;
  std::size_t column = out.size();
  if (column + 2 > kDescriptionColumn) {
    out += "\n";
    column = 0;
  }
  out.append(kDescriptionColumn - column, ' ');
  column = kDescriptionColumn;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (column > kDescriptionColumn) {
      const bool fits = column + 1 + word.size() <= kWidth;
      out += fits ? " " : "\n" + std::string(kDescriptionColumn, ' ');
      column = fits ? column + 1 : kDescriptionColumn;
    }
    out += word;
    column += word.size();
  }
  return out + "\n";
}

std::string OptionEntry(const OptionText& option) {
  // Long names stand below each other, whether there is a short one or not.
  std::string name = option.positional || !option.names.front().starts_with("--") ? "" : "    ";
  name += CLI::detail::join(option.names, ", ");
  if (!option.positional && !option.argument.empty()) name += " " + option.argument;
  std::string text = option.description;
  if (!option.default_value.empty()) text += " [" + option.default_value + "]";
  return Entry(name, text);
}

std::string Usage(const CLI::App& app, const std::vector<OptionText>& options) {
  std::string usage = "Usage: " + app.get_name();
  for (const OptionText& option : options) {
    if (!option.positional) continue;
    usage += option.required ? " " + option.names[0] : " [" + option.names[0] + "]";
    if (option.repeatable) usage += "...";
  }
  return usage + " [OPTIONS]\n";
}

std::string CommandList(const std::vector<HelpEntry>& commands) {
  std::string out = "\nCommands:\n";
  for (const auto& [name, summary] : commands) out += Entry(name, summary);
  return out + "  COMMAND --help says more of each.\n";
}

}  // namespace

std::string HelpFormatter::make_help(const CLI::App* app, std::string /*name*/,
                                     CLI::AppFormatMode /*mode*/) const {
  const std::vector<OptionText> options = DescribeOptions(*app);
  std::string positionals;
  std::string plain;
  std::vector<HelpEntry> groups;  // title and options
  for (const OptionText& option : options) {
    if (option.positional) {
      positionals += OptionEntry(option);
    } else if (option.group == kPlainOptions) {
      plain += OptionEntry(option);
    } else {
      auto group = std::ranges::find(groups, option.group, &HelpEntry::first);
      if (group == groups.end()) group = groups.insert(groups.end(), {option.group, ""});
      group->second += OptionEntry(option);
    }
  }
  std::string out = app->get_description() + "\n\n" + Usage(*app, options) + "\n" + positionals;
  for (const auto& [title, entries] : groups) out += "\n" + title + ":\n" + entries;
  out += "\nOptions:\n" + plain;
  if (!commands_.empty()) out += CommandList(commands_);
  return out + "\n" + app->get_footer() + "\n";
}

}  // namespace qi8::cli
