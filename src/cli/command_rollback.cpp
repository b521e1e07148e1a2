#include "cli/command_rollback.hpp"

#include "cli/command_rollout.hpp"
#include "cli/console.hpp"

namespace qi8::cli {

void CommandRollback::SetUp(CLI::App& app) {
  AddConfigPlace(app, place_);
  app.footer(
      "Undoes the last rollout of the section: puts back what stood there, byte for\n"
      "byte. Checks first that the section has what the rollout wrote, and that the\n"
      "files of the FP32 model have the SHA-256 that they had.\n"
      "\n"
      "Examples:\n"
      "  quantize-int8 rollback config/sarai.yaml --dry-run\n"
      "  quantize-int8 rollback config/sarai.yaml\n"
      "\n"
      "Exit status: 0 done, 1 failed, 2 wrong usage, 4 a check did not hold. Unless it\n"
      "is 0, nothing was changed.");
}

ExitStatus CommandRollback::Run() {
  ConsoleObserver observer(MakeLogger("info"), ProgressMode::kNever);
  CatchSignals();
  ShowChange(place_, Rollback(place_, observer));
  return kDone;
}

}  // namespace qi8::cli
