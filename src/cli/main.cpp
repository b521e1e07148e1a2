#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/failure_json.hpp"
#include "cli/option_text.hpp"
#include "cli/suggest.hpp"
#include "core/text.hpp"
#include "qi8/error.hpp"

namespace qi8::cli {
namespace {

// A model may keep each tensor in a file of its own, and each stays open while it is read.
void AllowManyFiles() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

void Report(const std::string& message) { MakeLogger("info")->error("{}", message); }

void ReportUsage(const std::string& message, const CLI::App& app) {
  Report(message + "; see " + app.get_name() + " --help");
}

std::vector<std::string> OptionNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const OptionText& option : DescribeOptions(app)) {
    if (!option.positional) names.insert(names.end(), option.names.begin(), option.names.end());
  }
  return names;
}

// The first argument that has the form of an option and is none.
std::optional<std::string> UnknownOption(const CLI::App& app, std::span<char* const> arguments) {
  for (const std::string argument : arguments) {
    if (argument == "--") break;
    if (argument.size() < 2 || argument[0] != '-') continue;
    const std::string name = argument.substr(0, argument[1] == '-' ? argument.find('=') : 2);
    if (app.get_option_no_throw(name) == nullptr) return argument;
  }
  return std::nullopt;
}

std::string DescribeUnknownOption(const CLI::App& app, const std::string& argument) {
  std::error_code ignored;
  if (std::filesystem::exists(argument, ignored)) {
    return "there is no option " + Quote(argument) + "; for a file of that name write " +
           Quote("./" + argument);
  }
  const std::string name = argument.substr(0, argument.find('='));
  return "there is no option " + name + DidYouMean(name, OptionNames(app));
}

// An unknown option is said before what it makes of the rest: arguments too many, or missing.
std::string DescribeUsage(const CLI::ParseError& error, const CLI::App& app,
                          std::span<char* const> arguments) {
  const bool is_extra = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr;
  const bool is_missing = dynamic_cast<const CLI::RequiredError*>(&error) != nullptr;
  const auto unknown = is_extra || is_missing ? UnknownOption(app, arguments) : std::nullopt;
  if (unknown) return DescribeUnknownOption(app, *unknown);
  const std::vector<std::string> extras = app.remaining();
  return is_extra && !extras.empty() ? "one argument too many: " + Quote(extras.front()) : error.what();
}

// Whether the result was to be JSON. Where the command line could not be read to its end, the word decides.
bool WantsJson(const CLI::App& app, std::span<char* const> arguments) {
  const CLI::Option* const json = app.get_option_no_throw("--json");
  if (json == nullptr) return false;
  const auto is_json = [](const char* argument) { return std::string_view(argument) == "--json"; };
  return json->count() > 0 || std::ranges::any_of(arguments, is_json);
}

int RunCommand(const NamedCommand& named, int argc, char** argv) {
  const auto [command, app] = Declare(named);
  const std::span<char* const> arguments(argv + 1, static_cast<std::size_t>(argc - 1));
  // Programs that asked for JSON get some in any case.
  const CLI::App& declared = *app;  // Clang 14 captures no structured binding
  const auto fail = [&](const std::string& message, ErrorKind kind, int status) {
    if (WantsJson(declared, arguments)) {
      PrintResult(FailureJson(message, kind, status));
      FlushResult();
    }
    return status;
  };
  try {
    app->parse(argc, argv);
  } catch (const CLI::Success& asked) {  // --help, --version
    return app->exit(asked);
  } catch (const CLI::ParseError& error) {
    const std::string message = DescribeUsage(error, *app, arguments);
    ReportUsage(message, *app);
    return fail(message, ErrorKind::kUsage, kUsage);
  }
  try {
    return command->Run();
  } catch (const Error& error) {
    Report(error.what());
    const bool stopped = error.kind() == ErrorKind::kInterrupted;
    return fail(error.what(), error.kind(), stopped ? InterruptedStatus() : StatusFor(error.kind()));
  }
}

// The hint for a first word that is not a file, but nearly the name of a command.
std::string CommandHint(const std::string& word) {
  std::error_code ignored;
  if (std::filesystem::exists(word, ignored)) return "";
  std::vector<std::string> names;
  for (const NamedCommand& command : Commands()) names.emplace_back(command.name);
  std::erase(names, "");
  return DidYouMean(word, names);
}

// Of `help`, or `help COMMAND`: what --help of the command prints.
int ShowHelp(const std::string& command) {
  const NamedCommand* const named = command.empty() ? Commands().data() : FindCommand(command);
  if (named == nullptr) {
    Report("there is no command " + Quote(command) + CommandHint(command) + "; see quantize-int8 --help");
    return kUsage;
  }
  std::string program = "quantize-int8";
  std::string help = "--help";
  std::array<char*, 3> arguments = {program.data(), help.data(), nullptr};
  return RunCommand(*named, 2, arguments.data());
}

int Main(int argc, char** argv) {
  AllowManyFiles();
  const std::string first = argc > 1 ? argv[1] : "";
  if (first == "help" && argc <= 3) return ShowHelp(argc > 2 ? argv[2] : "");
  if (const NamedCommand* named = FindCommand(first)) return RunCommand(*named, argc - 1, argv + 1);
  if (const std::string hint = CommandHint(first); !hint.empty()) {
    Report("there is no command, and no file, " + Quote(first) + hint + "; see quantize-int8 --help");
    return kUsage;
  }
  return RunCommand(Commands().front(), argc, argv);
}

}  // namespace
}  // namespace qi8::cli

int main(int argc, char** argv) {
  try {
    return qi8::cli::Main(argc, argv);
  } catch (const std::bad_alloc&) {
    std::fputs("quantize-int8: error: out of memory\n", stderr);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "quantize-int8: error: %s; this is a bug, please report it\n", error.what());
  }
  return qi8::cli::kFailed;
}
