#include "cli/option_text.hpp"

#include <algorithm>

namespace qi8::cli {
namespace {

std::vector<std::string> Names(const CLI::Option& option) {
  if (option.get_positional()) return {option.get_name(true)};
  std::vector<std::string> names;
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  return names;
}

// CLI11 writes behind the type what validators say of themselves: "N:INT in [1 - 8]".
std::string TypeAlone(const std::string& type) { return type.substr(0, type.find(':')); }

// "[a,b]" as CLI11 writes the default of a list.
std::string WithoutBrackets(const std::string& text) {
  return text.starts_with('[') && text.ends_with(']') ? text.substr(1, text.size() - 2) : text;
}

}  // namespace

OptionText Describe(const CLI::Option& option) {
  OptionText text{.names = Names(option),
                  .argument = option.get_expected_min() == 0 ? "" : TypeAlone(option.get_type_name()),
                  .choices = {},
                  .description = option.get_description(),
                  .default_value = WithoutBrackets(option.get_default_str()),
                  .group = option.get_group(),
                  .positional = option.get_positional(),
                  .required = option.get_required(),
                  .repeatable = option.get_expected_max() == CLI::detail::expected_max_vector_size};
  if (text.argument.find(kBetweenChoices) != std::string::npos) {
    text.choices = CLI::detail::split(text.argument, kBetweenChoices);
  } else if (text.argument == kBoolType) {
    text.choices = {"true", "false"};
  }
  return text;
}

std::vector<OptionText> DescribeOptions(const CLI::App& app) {
  std::vector<OptionText> texts;
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_group().empty()) texts.push_back(Describe(*option));
  }
  return texts;
}

}  // namespace qi8::cli
