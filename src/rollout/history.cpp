#include "rollout/history.hpp"

#include <nlohmann/json.hpp>

#include "audit/audit_reader.hpp"
#include "core/text.hpp"
#include "qi8/error.hpp"

namespace qi8 {
namespace {

using nlohmann::ordered_json;

// Calls `visit` with every record of `command` that ended well. What is no such record in spite of its seal
// is passed over.
void VisitDone(FileSystem& file_system, const std::filesystem::path& log, const std::string& command,
               const std::function<void(const ordered_json&)>& visit) {
  const auto file = file_system.OpenForReading(log);
  const AuditCheck check = CheckAuditLog(*file, [&](const AuditedRun& run) {
    if (run.command != command || run.status != "done") return;
    try {
      visit(ordered_json::parse(run.json));
    } catch (const ordered_json::exception&) {
    }
  });
  if (check.intact()) return;
  throw Error(ErrorKind::kCheckFailed, Quote(log.native()) + ", line " +
                                           std::to_string(check.problems.front().line) + ": " +
                                           check.problems.front().what +
                                           "; the audit log is damaged there, so nothing is decided by it");
}

std::vector<RecordedFile> Files(const ordered_json& list) {
  std::vector<RecordedFile> files;
  for (const auto& file : list) {
    const auto& sha256 = file.at("sha256");
    files.push_back({.path = file.at("path").get<std::string>(),
                     .bytes = file.at("bytes").get<std::uint64_t>(),
                     .sha256 = sha256.is_null() ? "" : sha256.get<std::string>()});
  }
  return files;
}

YamlValues Values(const ordered_json& object) {
  YamlValues values;
  for (const auto& [key, value] : object.items()) {
    values[key] = {.value = value.at("value").get<std::string>(),
                   .source = value.at("yaml").get<std::string>()};
  }
  return values;
}

ordered_json Json(const YamlValues& values) {
  auto object = ordered_json::object();
  for (const auto& [key, value] : values) object[key] = {{"value", value.value}, {"yaml", value.source}};
  return object;
}

}  // namespace

std::optional<RecordedQuantization> FindQuantization(FileSystem& file_system,
                                                     const std::filesystem::path& log,
                                                     const std::string& sha256) {
  std::optional<RecordedQuantization> found;
  VisitDone(file_system, log, "quantize", [&](const ordered_json& record) {
    RecordedQuantization run{.inputs = Files(record.at("inputs")), .outputs = Files(record.at("outputs"))};
    if (!run.inputs.empty() && !run.outputs.empty() && run.outputs[0].sha256 == sha256)
      found = std::move(run);
  });
  return found;
}

std::optional<RecordedRollout> FindRollout(FileSystem& file_system, const std::filesystem::path& log,
                                           const std::filesystem::path& config, const std::string& section) {
  std::optional<RecordedRollout> found;
  VisitDone(file_system, log, "rollout", [&](const ordered_json& record) {
    const auto& change = record.at("config");
    if (change.at("path") != config.native() || change.at("section") != section) return;
    RecordedRollout rollout{.time = record.at("time").get<std::string>(),
                            .inputs = Files(record.at("inputs")),
                            .outputs = Files(record.at("outputs")),
                            .before = Values(change.at("before")),
                            .after = Values(change.at("after"))};
    if (!rollout.inputs.empty()) found = std::move(rollout);
  });
  return found;
}

std::string ConfigJson(const std::filesystem::path& config, const std::string& section,
                       const YamlValues& before, const YamlValues& after) {
  const ordered_json json = {
      {"path", config.native()}, {"section", section}, {"before", Json(before)}, {"after", Json(after)}};
  try {
    return json.dump();
  } catch (const ordered_json::exception&) {
    throw Error(ErrorKind::kFailure, Quote(config.native()) + ": section " + Quote(section) +
                                         " has bytes that are not UTF-8, which the audit log cannot keep");
  }
}

}  // namespace qi8
