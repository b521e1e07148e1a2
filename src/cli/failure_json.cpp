#include "cli/failure_json.hpp"

#include <nlohmann/json.hpp>

namespace qi8::cli {
std::string FailureJson(const std::string& message, ErrorKind kind, int exit_status) {
  const nlohmann::ordered_json json = {
      {"outcome", kind == ErrorKind::kInterrupted ? "interrupted" : "failed"},
      {"exit_status", exit_status},
      {"error", {{"kind", NameOf(kind)}, {"message", message}}}};
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace qi8::cli
