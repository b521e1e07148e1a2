#include <sys/resource.h>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/commands.hpp"
#include "cli/console.hpp"
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

std::string DescribeExtras(const CLI::App& app) {
  std::vector<std::string> options;
  for (const OptionText& option : DescribeOptions(app)) {
    if (!option.positional) options.insert(options.end(), option.names.begin(), option.names.end());
  }
  const std::string extra = app.remaining().front();
  if (!extra.starts_with('-')) return "one argument too many: " + Quote(extra);
  const std::string name = extra.substr(0, extra.find('='));
  return "there is no option " + name + DidYouMean(name, options);
}

int RunCommand(const NamedCommand& named, int argc, char** argv) {
  const auto [command, app] = Declare(named);
  try {
    app->parse(argc, argv);
  } catch (const CLI::Success& asked) {  // --help, --version
    return app->exit(asked);
  } catch (const CLI::ExtrasError&) {
    ReportUsage(DescribeExtras(*app), *app);
    return kUsage;
  } catch (const CLI::ParseError& error) {
    ReportUsage(error.what(), *app);
    return kUsage;
  }
  try {
    return command->Run();
  } catch (const Error& error) {
    Report(error.what());
    return error.kind() == ErrorKind::kInterrupted ? InterruptedStatus() : StatusFor(error.kind());
  }
}

// Of a word in the first place that is no file, but nearly a command.
std::string CommandHint(const std::string& word) {
  std::error_code ignored;
  if (std::filesystem::exists(word, ignored)) return "";
  std::vector<std::string> names;
  for (const NamedCommand& command : Commands()) names.emplace_back(command.name);
  std::erase(names, "");
  return DidYouMean(word, names);
}

int Main(int argc, char** argv) {
  AllowManyFiles();
  const std::string first = argc > 1 ? argv[1] : "";
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
