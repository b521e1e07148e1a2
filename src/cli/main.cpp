#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <memory>
#include <string_view>

#include "cli/command_audit.hpp"
#include "cli/command_quantize.hpp"
#include "cli/console.hpp"
#include "qi8/error.hpp"
#include "qi8/quantize.hpp"

namespace qi8::cli {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  quantize-int8 model.onnx model_int8.onnx\n"
    "  quantize-int8 model.onnx model_int8.onnx --dry-run\n"
    "  quantize-int8 model.onnx model_int8.onnx --exclude '/lm_head/' --force\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 wrong usage, 3 nothing to quantize, 4 a check did not hold, 130 "
    "interrupted.";

// A model may keep each tensor in a file of its own, and each stays open while it is read.
void AllowManyFiles() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

void Report(const std::string& message) { MakeLogger("info")->error("{}", message); }

// Quantizing is what the program is for and needs no word; every other command is a word in the first place.
struct NamedCommand {
  std::string_view name;
  std::string_view summary;
  std::unique_ptr<Command> (*make)();
};

template <class T>
std::unique_ptr<Command> Make() {
  return std::make_unique<T>();
}

constexpr std::array<NamedCommand, 1> kCommands = {{
    {"audit", "Shows the runs that an audit log records, and checks that nobody changed it.",
     Make<CommandAudit>},
}};

const NamedCommand* FindCommand(std::string_view name) {
  const auto* const found = std::ranges::find(kCommands, name, &NamedCommand::name);
  return found == kCommands.end() ? nullptr : found;
}

int RunCommand(Command& command, CLI::App& app, int argc, char** argv) {
  app.get_formatter()->column_width(34);
  command.SetUp(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {  // --help, --version
    return app.exit(asked);
  } catch (const CLI::ParseError& error) {
    Report(std::string(error.what()) + "; see " + app.get_name() + " --help");
    return kUsage;
  }
  try {
    return command.Run();
  } catch (const Error& error) {
    Report(error.what());
    return StatusFor(error.kind());
  }
}

int Main(int argc, char** argv) {
  AllowManyFiles();
  if (const NamedCommand* named = argc > 1 ? FindCommand(argv[1]) : nullptr) {
    CLI::App app(std::string(named->summary), "quantize-int8 " + std::string(named->name));
    return RunCommand(*named->make(), app, argc - 1, argv + 1);
  }
  CLI::App app("Turns an FP32 ONNX model into an INT8 one by the rules of dynamic quantization.",
               "quantize-int8");
  app.set_version_flag("--version", "quantize-int8 " + Version());
  app.footer(kExamples);
  CommandQuantize command;
  return RunCommand(command, app, argc, argv);
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
