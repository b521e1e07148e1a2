#include "cli/command_rollout.hpp"

#include "cli/checks.hpp"
#include "cli/console.hpp"
#include "cli/option_text.hpp"
#include "core/text.hpp"

namespace qi8::cli {

void AddConfigPlace(CLI::App& app, ConfigPlace& place) {
  app.add_option("CONFIG", place.config, "YAML file of the pipeline that runs the model")->required();
  app.add_option(
         "--section", place.section,
         "The section's key; with those above it, such as models.audio_omni, where it is not the only one")
      ->type_name("KEY")
      ->capture_default_str();
  app.add_option("--root", place.root,
                 "Folder that relative model paths start from: where the pipeline runs [.]")
      ->type_name(std::string(kFolderType));
  app.add_option(
         "--audit-log", place.audit_log,
         "Log of the run that made the model; a record is appended [quantization_log.jsonl beside it]")
      ->type_name(std::string(kFileType));
  app.add_flag("-n,--dry-run", place.dry_run, "Change nothing; print the change as a unified diff");
}

void ShowChange(const ConfigPlace& place, const ConfigChange& change) {
  if (place.dry_run) {
    PrintExactly(change.diff);
    FlushResult();
    return;
  }
  const auto row = [](const char* key, const std::optional<std::string>& before,
                      const std::optional<std::string>& after) {
    return before && after ? std::string(key) + Plain(*before) + " -> " + Plain(*after) + "\n" : "";
  };
  const std::string text = "section        " + Plain(change.section) + " of " + Plain(place.config.native()) +
                           "\n" + row("name           ", change.before.name, change.after.name) +
                           row("model_path     ", change.before.model_path, change.after.model_path) +
                           row("max_memory_mb  ", change.before.max_memory_mb, change.after.max_memory_mb) +
                           "audit log      " + Plain(change.audit_log) + "\n";
  PrintMessage(text);
}

void CommandRollout::SetUp(CLI::App& app) {
  AddConfigPlace(app, options_.place);
  app.add_option("--model", options_.model, "The INT8 model, as it is to stand in the file")
      ->required()
      ->type_name(std::string(kFileType));
  app.add_option("--name", options_.name, "Its name [the name that is there, and -INT8]")->type_name("NAME");
  app.add_option("--max-memory-mb", options_.max_memory_mb,
                 "Memory to allow [the model's size and 100 MB, rounded up to hundreds]")
      ->check(WholeNumber(1, 1'000'000'000))
      ->type_name(std::string(kCountType));
  app.footer(
      "Sets model_path of the section, and name and max_memory_mb where it has them;\n"
      "every other byte stays.\n"
      "Checks first that the model's files are what its run wrote, and that the model\n"
      "which the section names now is the one that it was made from, unchanged.\n"
      "\n"
      "Examples:\n"
      "  quantize-int8 rollout config/sarai.yaml --model models/model_int8.onnx -n\n"
      "  quantize-int8 rollout config/sarai.yaml --model models/model_int8.onnx\n"
      "\n"
      "Exit status: 0 done, 1 failed, 2 wrong usage, 4 a check did not hold. Unless it\n"
      "is 0, nothing was changed.");
}

ExitStatus CommandRollout::Run() {
  ConsoleObserver observer(MakeLogger("info"), ProgressMode::kNever);
  CatchSignals();
  ShowChange(options_.place, Rollout(options_, observer));
  return kDone;
}

}  // namespace qi8::cli
