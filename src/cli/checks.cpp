#include "cli/checks.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <stdexcept>

#include "cli/option_text.hpp"
#include "core/text.hpp"

namespace qi8::cli {
namespace {

std::string Not(const std::string& text, const std::string& what) { return Quote(text) + " is not " + what; }

template <typename Value>
bool Parses(const std::string& text, Value& value) {
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  return parsed.ec == std::errc() && parsed.ptr == end;
}

bool NamesAFile(const OptionText& option) {
  return option.positional || option.argument == kFileType || option.argument == kFolderType ||
         option.argument == kPathType;
}

}  // namespace

CLI::Validator WholeNumber(std::uint64_t least, std::uint64_t most) {
  std::string what = "a whole number";
  if (most != kAnyNumber) what += " from " + std::to_string(least) + " to " + std::to_string(most);
  return {[=](const std::string& text) -> std::string {
            std::uint64_t number = 0;
            return Parses(text, number) && number >= least && number <= most ? "" : Not(text, what);
          },
          ""};
}

CLI::Validator Number() {
  return {[](const std::string& text) -> std::string {
            double number = 0;
            return Parses(text, number) && std::isfinite(number) ? "" : Not(text, "a number");
          },
          ""};
}

CLI::Validator IsSha256() {
  return {[](const std::string& text) -> std::string {
            constexpr std::size_t kDigits = 64;
            const bool holds =
                text.size() == kDigits && text.find_first_not_of("0123456789abcdef") == std::string::npos;
            return holds ? "" : Not(text, "a SHA-256: 64 hexadecimal digits, letters in lower case");
          },
          ""};
}

CLI::Validator TrueOrFalse() {
  return {[](const std::string& text) -> std::string {
            try {
              CLI::detail::to_flag_value(text);
            } catch (const std::invalid_argument&) {
              return Not(text, "true or false");
            }
            return "";
          },
          ""};
}

CLI::Validator NoStandardStream() {
  return {[](const std::string& text) -> std::string {
            return text == "-"
                       ? "files are read and written by name, not by standard input and output; for a "
                         "file of the name '-' write ./-"
                       : "";
          },
          ""};
}

CLI::Option* OneOf(CLI::Option* option, const std::vector<std::string>& words) {
  const std::string list = CLI::detail::join(words, ", ");
  const CLI::Validator is_one = {[=](const std::string& text) -> std::string {
                                   const bool found = std::ranges::find(words, text) != words.end();
                                   return found ? "" : Not(text, "one of " + list);
                                 },
                                 ""};
  return option->check(is_one)->type_name(CLI::detail::join(words, std::string(1, kBetweenChoices)));
}

void AddTypeChecks(CLI::App& app) {
  for (CLI::Option* option : app.get_options()) {
    const OptionText text = Describe(*option);
    if (text.argument == kCountType) option->check(WholeNumber());
    if (text.argument == kNumberType) option->check(Number());
    if (text.argument == kBoolType) option->check(TrueOrFalse());
    if (NamesAFile(text)) option->check(NoStandardStream());
  }
}

}  // namespace qi8::cli
