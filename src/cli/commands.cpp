#include "cli/commands.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "cli/checks.hpp"
#include "cli/command_audit.hpp"
#include "cli/command_compare.hpp"
#include "cli/command_compare_worker.hpp"
#include "cli/command_inspect.hpp"
#include "cli/command_quantize.hpp"
#include "cli/command_rollback.hpp"
#include "cli/command_rollout.hpp"
#include "cli/command_tune.hpp"
#include "cli/command_verify.hpp"
#include "cli/help.hpp"
#include "qi8/quantize.hpp"

namespace qi8::cli {
namespace {

constexpr const char* kProgram = "quantize-int8";
constexpr std::string_view kQuantizeWord = "quantize";  // for the command that needs no word

template <class T>
std::unique_ptr<Command> Make() {
  return std::make_unique<T>();
}

constexpr auto kCommands = std::to_array<NamedCommand>({
    {"", "Turns an FP32 ONNX model into an INT8 one by the rules of dynamic quantization.",
     Make<CommandQuantize>},
    {"inspect", "Shows what is in a model, and what quantizing would make of it.", Make<CommandInspect>},
    {"audit", "Shows the runs that an audit log records, and checks that nobody changed it.",
     Make<CommandAudit>},
    {"compare", "Runs both models on ONNX Runtime: fidelity, latency, memory, pass or fail.",
     Make<CommandCompare>},
    {"rollout", "Points a pipeline's configuration at an INT8 model.", Make<CommandRollout>},
    {"rollback", "Points a pipeline's configuration back at the FP32 model.", Make<CommandRollback>},
    {"tune", "Finds a form for each product: as fast as a target of fidelity allows.", Make<CommandTune>},
    {"verify", "Checks that an INT8 model is as it was written and follows from its FP32 one.",
     Make<CommandVerify>},
});

// Started by the program itself, and for nobody else: in no list.
constexpr NamedCommand kWorker = {"compare-worker", "Runs a model for compare.", Make<CommandCompareWorker>};

std::vector<HelpEntry> CommandList() {
  std::vector<HelpEntry> entries;
  for (const NamedCommand& command : kCommands) {
    if (!command.name.empty()) entries.emplace_back(command.name, command.summary);
  }
  return entries;
}

}  // namespace

std::span<const NamedCommand> Commands() { return kCommands; }

const NamedCommand* FindCommand(std::string_view word) {
  if (word.empty()) return nullptr;
  if (word == kWorker.name) return &kWorker;
  if (word == kQuantizeWord) return kCommands.data();
  const auto* const found = std::ranges::find(kCommands, word, &NamedCommand::name);
  return found == kCommands.end() ? nullptr : found;
}

std::string FullName(const NamedCommand& command) {
  return command.name.empty() ? kProgram : std::string(kProgram) + " " + std::string(command.name);
}

DeclaredCommand Declare(const NamedCommand& named) {
  DeclaredCommand declared{.command = named.make(), .app = nullptr};
  declared.app = std::make_unique<CLI::App>(std::string(named.summary), FullName(named));
  declared.app->formatter(
      std::make_shared<HelpFormatter>(named.name.empty() ? CommandList() : std::vector<HelpEntry>()));
  declared.app->set_help_flag("-h,--help", "Print this help and exit");
  if (named.name.empty()) {
    declared.app->set_version_flag("--version", std::string(kProgram) + " " + Version(),
                                   "Print the version and exit");
  }
  declared.command->SetUp(*declared.app);
  AddTypeChecks(*declared.app);
  return declared;
}

}  // namespace qi8::cli
