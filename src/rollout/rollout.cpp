#include "qi8/rollout.hpp"

#include <chrono>
#include <span>

#include "audit/audit_log.hpp"
#include "core/text.hpp"
#include "hash/hash_file.hpp"
#include "io/file_replacement.hpp"
#include "qi8/verify.hpp"
#include "rollout/history.hpp"
#include "rollout/unified_diff.hpp"
#include "rollout/yaml_section.hpp"

namespace qi8 {
namespace {

namespace fs = std::filesystem;

constexpr const char* kName = "name";
constexpr const char* kModelPath = "model_path";
constexpr const char* kMaxMemory = "max_memory_mb";
constexpr std::uint64_t kLargestConfig = 1U << 20U;

[[noreturn]] void Refuse(const std::string& why) { throw Error(ErrorKind::kCheckFailed, why); }

fs::path Canonical(const fs::path& path) {
  std::error_code error;
  fs::path canonical = fs::canonical(path, error);
  if (error) {
    throw Error(ErrorKind::kFailure, "cannot find " + Quote(path.native()) + ": " + error.message());
  }
  return canonical;
}

// The configuration as it was read, the section in it, and the way to change it.
class Config {
 public:
  Config(FileSystem& file_system, const ConfigPlace& place)
      : file_system_(file_system),
        place_(place),
        file_(file_system.OpenForReading(place.config)),
        read_(file_->Identity()),
        section_(Text(), place.config.native(), place.section, {kModelPath}, {kName, kMaxMemory}) {}

  [[nodiscard]] const YamlSection& section() const { return section_; }

  [[nodiscard]] YamlValues Values() const { return section_.values(); }

  // Where a model path of the file, or of an option, leads.
  [[nodiscard]] fs::path Resolve(const std::string& model_path) const { return place_.root / model_path; }

  [[nodiscard]] LogPlace AuditLog(const std::string& model_path) const {
    if (place_.audit_log) return {*place_.audit_log, LogPlace::NamedBy::kUser};
    return {Resolve(model_path).replace_filename("quantization_log.jsonl"), LogPlace::NamedBy::kDefault};
  }

  [[nodiscard]] std::string Diff(const std::string& changed) const {
    return UnifiedDiff(section_.text(), changed, place_.config.native());
  }

  // Stages the text, calls `record`, and only then lets the file change: a record of a change that was not
  // made does no harm, but one that was made without a record could not be undone.
  void Write(const std::string& text, const std::function<void()>& record) const {
    FileReplacement replacement(file_system_, place_.config, read_, text);
    record();
    replacement.Publish();
  }

 private:
  std::string Text() const {
    if (read_.size > kLargestConfig) {
      throw Error(ErrorKind::kFailure,
                  Quote(file_->path()) + " is larger than 1 MiB; is it a configuration?");
    }
    std::string text(read_.size, '\0');
    file_->ReadAt(0, std::as_writable_bytes(std::span(text)));
    return text;
  }

  FileSystem& file_system_;
  const ConfigPlace& place_;
  std::unique_ptr<ReadableFile> file_;
  FileIdentity read_;
  YamlSection section_;
};

ModelSettings Settings(const YamlValues& values) {
  const auto value = [&values](const char* key) -> std::optional<std::string> {
    const auto found = values.find(key);
    return found == values.end() ? std::nullopt : std::optional(found->second.value);
  };
  return {.name = value(kName), .model_path = value(kModelPath).value(), .max_memory_mb = value(kMaxMemory)};
}

// What a rollout writes in place of `now`.
YamlValues AfterRollout(const RolloutOptions& options, const std::string& section, const YamlValues& now,
                        std::uint64_t model_bytes) {
  YamlValues after;
  const auto set = [&](const char* key, const std::string& value) {
    after[key] = WriteLike(now.at(key), value);
  };
  const auto require = [&](const char* key, const char* option) {
    if (now.contains(key)) return;
    throw Error(ErrorKind::kFailure, Quote(options.place.config.native()) + ": section " + Quote(section) +
                                         " has no '" + key + ":', which " + option +
                                         " is to set; add it with its current value");
  };
  set(kModelPath, options.model);
  if (options.name) require(kName, "--name");
  if (options.max_memory_mb) require(kMaxMemory, "--max-memory-mb");
  if (now.contains(kName)) set(kName, options.name.value_or(now.at(kName).value + "-INT8"));
  if (now.contains(kMaxMemory)) {
    set(kMaxMemory, std::to_string(options.max_memory_mb.value_or(RolloutMemoryMb(model_bytes))));
  }
  return after;
}

std::vector<FileReport> Reports(const std::vector<RecordedFile>& files, const fs::path& model) {
  std::vector<FileReport> reports;
  const fs::path old_folder = fs::path(files.at(0).path).parent_path();
  for (const RecordedFile& file : files) {
    const bool is_model = &file == files.data();
    const fs::path path =
        is_model ? model : model.parent_path() / fs::path(file.path).lexically_relative(old_folder);
    reports.push_back({path.native(), file.bytes, file.sha256});
  }
  return reports;
}

// One change of a configuration, either way.
class Switch {
 public:
  Switch(const ConfigPlace& place, const char* command, Observer& observer)
      : place_(place), command_(command), observer_(observer) {}

  // Checks that the files are what the log says.
  void Require(const fs::path& model, const std::vector<RecordedFile>& recorded) {
    RequireUnchanged(*file_system_, model, recorded, [this] { return observer_.ShouldStop(); });
  }

  ConfigChange Apply(const Config& config, const YamlValues& after, const LogPlace& log) {
    const YamlValues before = config.Values();
    const std::string text = config.section().Replace(after);
    ConfigChange change{.section = config.section().path(),
                        .before = Settings(before),
                        .after = Settings(after),
                        .diff = config.Diff(text),
                        .audit_log = log.path.native()};
    if (place_.dry_run) return change;
    observer_.OnStage("publish");
    record_.config_json = ConfigJson(Canonical(place_.config), change.section, before, after);
    config.Write(text, [&] { AppendAuditRecord(*file_system_, log, Finished()); });
    return change;
  }

  [[nodiscard]] FileSystem& file_system() { return *file_system_; }
  [[nodiscard]] RunReport& report() { return record_.run; }

 private:
  const AuditRecord& Finished() {
    record_.command = command_;
    record_.status = "done";
    record_.run.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    return record_;
  }

  const ConfigPlace& place_;
  const char* command_;
  Observer& observer_;
  std::unique_ptr<FileSystem> file_system_ = MakePosixFileSystem();
  AuditRecord record_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// That its files are what was written is known then, so checksums need no second look.
void RequireSound(const fs::path& model, Observer& observer) {
  VerifyOptions options;
  options.model = model;
  options.use_checksums = false;
  for (const Check& check : Verify(options, observer).checks) {
    if (check.outcome != CheckOutcome::kFails) continue;
    Refuse(Quote(model.native()) + " failed the check '" + check.name +
           "' of verify: " + (check.problems.empty() ? check.detail : check.problems.front()));
  }
}

std::uint64_t TotalBytes(const std::vector<RecordedFile>& files) {
  std::uint64_t total = 0;
  for (const RecordedFile& file : files) total += file.bytes;
  return total;
}

}  // namespace

std::uint64_t RolloutMemoryMb(std::uint64_t bytes) {
  constexpr std::uint64_t kMegabyte = 1'000'000;
  constexpr std::uint64_t kForARun = 100;
  constexpr std::uint64_t kStep = 100;
  const std::uint64_t model = bytes / kMegabyte + (bytes % kMegabyte == 0 ? 0 : 1);
  return (model + kForARun + kStep - 1) / kStep * kStep;
}

ConfigChange Rollout(const RolloutOptions& options, Observer& observer) {
  Switch change(options.place, "rollout", observer);
  FileSystem& file_system = change.file_system();
  observer.OnStage("load");
  const Config config(file_system, options.place);
  const YamlValues now = config.Values();
  const fs::path int8 = config.Resolve(options.model);
  const fs::path fp32 = config.Resolve(now.at(kModelPath).value);
  const LogPlace log = config.AuditLog(options.model);

  observer.OnStage("check");
  const auto should_stop = [&observer] { return observer.ShouldStop(); };
  const auto made =
      FindQuantization(file_system, log.path, HashFile(*file_system.OpenForReading(int8), should_stop));
  if (!made) {
    Refuse(Quote(log.path.native()) + " has no record of how " + Quote(int8.native()) +
           " was made, so there would be no way back; name the log of its run with --audit-log");
  }
  if (const auto current = file_system.Identify(fp32);
      current && current->SameFile(file_system.Identify(int8).value())) {
    Refuse(Quote(options.place.config.native()) + ": section " + Quote(config.section().path()) + " has " +
           Quote(options.model) + " already");
  }
  change.Require(int8, made->outputs);
  RequireSound(int8, observer);
  try {
    change.Require(fp32, made->inputs);
  } catch (const Error& error) {
    throw Error(error.kind(), std::string(error.what()) + "; " + Quote(int8.native()) +
                                  " can take the place only of the model that it was made from");
  }

  const YamlValues after = AfterRollout(options, config.section().path(), now, TotalBytes(made->outputs));
  change.report().plan.inputs = Reports(made->inputs, fp32);
  change.report().plan.outputs = Reports(made->outputs, int8);
  return change.Apply(config, after, log);
}

ConfigChange Rollback(const ConfigPlace& place, Observer& observer) {
  Switch change(place, "rollback", observer);
  observer.OnStage("load");
  const Config config(change.file_system(), place);
  const YamlValues now = config.Values();
  const LogPlace log = config.AuditLog(now.at(kModelPath).value);
  const std::string where = Quote(place.config.native()) + ": section " + Quote(config.section().path());

  observer.OnStage("check");
  const auto rollout =
      FindRollout(change.file_system(), log.path, Canonical(place.config), config.section().path());
  if (!rollout) {
    Refuse(where + " was never rolled out as far as " + Quote(log.path.native()) +
           " knows; name another log with --audit-log");
  }
  if (Settings(now) == Settings(rollout->before)) {
    Refuse(where + " is back already: it has what it had before the rollout of " + rollout->time);
  }
  for (const auto& [key, value] : rollout->after) {
    const auto found = now.find(key);
    if (found != now.end() && found->second.value == value.value) continue;
    Refuse(where + " is not as the rollout of " + rollout->time + " left it: " + key + " is " +
           (found == now.end() ? "missing" : Quote(found->second.value)) + " and was " + Quote(value.value) +
           "; set it so, or go back by hand");
  }
  const fs::path fp32 = config.Resolve(rollout->before.at(kModelPath).value);
  change.Require(fp32, rollout->inputs);
  change.report().plan.inputs = Reports(rollout->outputs, config.Resolve(now.at(kModelPath).value));
  change.report().plan.outputs = Reports(rollout->inputs, fp32);
  return change.Apply(config, rollout->before, log);
}

}  // namespace qi8
