#include "cli/config_file.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <system_error>

#include "cli/option_text.hpp"
#include "cli/suggest.hpp"
#include "core/text.hpp"

namespace qi8::cli {
namespace {

constexpr std::size_t kLargestConfig = 1U << 20U;

[[noreturn]] void Fail(const std::string& message) { throw CLI::ConfigError(message); }

std::string ReadAll(const std::string& file) {
  errno = 0;
  std::ifstream input(file, std::ios::binary);
  std::string text(kLargestConfig + 1, '\0');
  input.read(text.data(), static_cast<std::streamsize>(text.size()));
  // A folder can be opened, and fails to be read.
  if (!input.is_open() || input.bad()) {
    Fail("cannot read configuration " + Quote(file) + ": " + std::generic_category().message(errno));
  }
  text.resize(static_cast<std::size_t>(input.gcount()));
  if (text.size() > kLargestConfig) Fail("configuration " + Quote(file) + " is larger than 1 MiB");
  return text;
}

// What may be set by a file: an option with a long name, which is its key.
class ConfigKeys {
 public:
  explicit ConfigKeys(CLI::App& app) {
    for (CLI::Option* option : app.get_options()) {
      if (option->get_configurable() && !option->get_lnames().empty()) options_.push_back(option);
    }
  }

  [[nodiscard]] CLI::Option* Find(const std::string& key) const {
    const auto found = std::ranges::find(
        options_, key, [](const CLI::Option* option) { return option->get_lnames().front(); });
    return found == options_.end() ? nullptr : *found;
  }

  // Of a key that there is not.
  [[nodiscard]] std::string Hint(const std::string& key) const {
    std::vector<std::string> keys;
    for (const CLI::Option* option : options_) {
      const std::string& name = option->get_lnames().front();
      if (option->check_lname(key)) return "; its opposite is '" + name + "'";
      keys.push_back(name);
    }
    return DidYouMean(key, keys);
  }

 private:
  std::vector<CLI::Option*> options_;
};

// The value as the command line would have it, where its type is one that the option takes.
std::optional<std::string> AsArgument(const toml::node& value, const OptionText& option) {
  if (option.is_flag() || option.argument == kBoolType) {
    if (const auto* boolean = value.as_boolean()) return boolean->get() ? "true" : "false";
    return std::nullopt;
  }
  if (option.argument == kCountType || option.argument == kSizeType) {
    if (const auto* integer = value.as_integer()) return std::to_string(integer->get());
    if (option.argument == kCountType) return std::nullopt;
  }
  if (const auto* string = value.as_string()) return string->get();
  return std::nullopt;
}

std::string Wanted(const OptionText& option) {
  const std::string one = option.is_flag() || option.argument == kBoolType ? "true or false"
                          : option.argument == kCountType                  ? "a whole number"
                          : option.argument == kTableType                  ? "a table of strings"
                          : option.argument == kSizeType                   ? "a size such as \"96MiB\""
                                                                           : "a string";
  return option.repeatable && option.argument != kTableType ? "an array of strings" : one;
}

std::vector<std::string> Arguments(const toml::node& value, const OptionText& option,
                                   const std::string& where) {
  std::vector<std::string> arguments;
  const auto take = [&](const toml::node& node) {
    const auto argument = AsArgument(node, option);
    if (!argument) Fail(where + ": this must be " + Wanted(option));
    arguments.push_back(*argument);
  };
  if (const toml::table* const table = value.as_table(); table != nullptr && option.argument == kTableType) {
    for (const auto& [name, element] : *table) {
      const auto* const text = element.as_string();
      if (text == nullptr) Fail(where + ": each entry of this table must be a string");
      arguments.push_back(text->get() + "=" + std::string(name.str()));
    }
    return arguments;
  }
  const toml::array* const array = value.as_array();
  if (option.repeatable != (array != nullptr)) Fail(where + ": this must be " + Wanted(option));
  if (array == nullptr) {
    take(value);
    return arguments;
  }
  for (const toml::node& element : *array) take(element);
  if (arguments.empty() && !option.default_value.empty()) Fail(where + ": this must not be empty");
  return arguments;
}

void Set(CLI::Option& option, const std::string& key, const std::vector<std::string>& arguments,
         const std::string& where) {
  if (!option.empty() || arguments.empty()) return;  // given on the command line, or a list without entries
  try {
    if (option.get_expected_min() == 0) {
      option.add_result(option.get_flag_value(key, arguments.front()));
    } else {
      option.add_result(arguments);
    }
    option.run_callback();
  } catch (const CLI::ParseError& error) {
    Fail(where + ": " + error.what());
  }
}

}  // namespace

void ApplyConfig(CLI::App& app, std::string_view text, const std::string& file) {
  const auto at = [&file](const toml::source_region& source) {
    return Quote(file) + ", line " + std::to_string(source.begin.line);
  };
  toml::table table;
  try {
    table = toml::parse(text);
  } catch (const toml::parse_error& error) {
    Fail(at(error.source()) + ": this is not valid TOML: " + std::string(error.description()));
  }
  const ConfigKeys keys(app);
  for (const auto& [toml_key, value] : table) {
    const std::string key(toml_key.str());
    const std::string where = at(value.source()) + ": " + Quote(key);
    CLI::Option* const option = keys.Find(key);
    if (option == nullptr) {
      Fail(at(value.source()) + ": unknown option " + Quote(key) + " of " + app.get_name() + keys.Hint(key));
    }
    Set(*option, key, Arguments(value, Describe(*option), where), at(value.source()));
  }
}

void AddConfigOption(CLI::App& app) {
  app.add_option_function<std::string>(
         "--config", [&app](const std::string& file) { ApplyConfig(app, ReadAll(file), file); },
         "TOML file with options (names without dashes); what the command line gives counts more")
      ->type_name(std::string(kFileType))
      ->configurable(false);
}

}  // namespace qi8::cli
