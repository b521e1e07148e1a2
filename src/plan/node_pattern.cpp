#include "plan/node_pattern.hpp"

#include <re2/re2.h>

#include "core/text.hpp"
#include "qi8/error.hpp"

namespace qi8 {
namespace {

re2::RE2::Options Quiet() {
  re2::RE2::Options options;
  options.set_log_errors(false);
  return options;
}

}  // namespace

NodePattern::NodePattern(const std::string& text, const std::string& option)
    : regex_(std::make_unique<re2::RE2>(text, Quiet())) {
  if (regex_->ok()) return;
  throw Error(ErrorKind::kUsage,
              option + " " + Quote(text) + " is not a regular expression: " + regex_->error());
}

NodePattern::~NodePattern() = default;
NodePattern::NodePattern(NodePattern&&) noexcept = default;

bool NodePattern::Matches(std::string_view name) const {
  return re2::RE2::PartialMatch(re2::StringPiece(name.data(), name.size()), *regex_);
}

}  // namespace qi8
