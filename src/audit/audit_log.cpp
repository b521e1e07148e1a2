#include "audit/audit_log.hpp"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>
#include <map>
#include <nlohmann/json.hpp>

#include "audit/record_seal.hpp"
#include "core/text.hpp"
#include "core/utc_time.hpp"
#include "core/version.hpp"
#include "hash/sha256.hpp"
#include "qi8/error.hpp"
#include "qi8/quantize.hpp"

namespace qi8 {
namespace {

constexpr std::string_view kLineStart = "{\"schema\":";

std::string UserName() {
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) {
    return found->pw_name;
  }
  return std::to_string(::geteuid());
}

std::string HostName() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

nlohmann::ordered_json Files(const std::vector<FileReport>& files) {
  auto list = nlohmann::ordered_json::array();
  for (const FileReport& file : files) {
    std::error_code ignored;
    nlohmann::ordered_json entry{{"path", std::filesystem::absolute(file.path, ignored).native()},
                                 {"bytes", file.size}};
    entry["sha256"] = file.sha256.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(file.sha256);
    list.push_back(std::move(entry));
  }
  return list;
}

nlohmann::ordered_json Skips(const PlanReport& plan) {
  std::map<std::string, std::size_t> counts;
  for (const NodeDecision& node : plan.nodes) {
    if (node.skip) ++counts[Identifier(node.skip->reason)];
  }
  auto object = nlohmann::ordered_json::object();
  for (const auto& [reason, count] : counts) object[reason] = count;
  return object;
}

std::string Line(const AuditRecord& record, std::string_view previous_line) {
  using nlohmann::ordered_json;
  const RunReport& run = record.run;
  ordered_json json{
      {"schema", kAuditSchema},
      {"previous", previous_line.empty() ? "" : Sha256::HexOf(previous_line)},
      {"time", UtcTime()},
      {"user", UserName()},
      {"host", HostName()},
      {"tool", {{"name", "quantize-int8"}, {"version", Version()}, {"commit", BuildCommit()}}},
      {"command", record.command},
      {"inputs", Files(run.plan.inputs)},
      {"outputs", Files(run.plan.outputs)},
  };
  if (!record.options_json.empty()) {
    auto libraries = ordered_json::object();
    for (const auto& [name, version] : record.libraries) libraries[name] = version;
    json.update({{"libraries", std::move(libraries)},
                 {"isa", record.isa},
                 {"options", ordered_json::parse(record.options_json)},
                 {"quantized_nodes", run.plan.quantized_nodes},
                 {"quantized_weights", run.plan.quantized_weights},
                 {"skipped", Skips(run.plan)},
                 {"peak_memory_bytes", run.peak_memory_bytes}});
  }
  if (run.rounding) {
    json["rounding"] = {
        {"inputs_sha256", run.rounding->inputs_sha256},
        {"learned_weights", std::ranges::count_if(run.rounding->weights, &LearnedWeight::is_learned)},
        {"most_steps", run.rounding->most_steps()}};
  }
  if (!record.config_json.empty()) json["config"] = ordered_json::parse(record.config_json);
  json["seconds"] = run.seconds;
  json["status"] = record.status;
  if (!record.error.empty()) json["error"] = record.error;
  return SealRecord(Printable(json.dump(-1, ' ', false, ordered_json::error_handler_t::replace))) + "\n";
}

}  // namespace

void AppendAuditRecord(FileSystem& file_system, const LogPlace& log, const AuditRecord& record,
                       const std::function<bool()>& should_stop) {
  const auto compose = [&](std::string_view last_line) {
    // Whatever else the file is, a model perhaps, a line at its end would damage it.
    if (!last_line.empty() && !last_line.starts_with(kLineStart)) {
      throw Error(ErrorKind::kFailure,
                  Quote(log.path.native()) + " is not an audit log; name another with --audit-log");
    }
    std::string line = Line(record, last_line);
    if (line.size() > kMostAuditLineBytes) {
      throw Error(ErrorKind::kFailure, "a record of " + FormatBytes(line.size()) + " is too long for " +
                                           Quote(log.path.native()) + ", which takes " +
                                           FormatBytes(kMostAuditLineBytes) + " a line");
    }
    return line;
  };
  file_system.AppendLocked(log, compose, should_stop);
}

}  // namespace qi8
