// A regular expression that nodes are chosen by.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace re2 {
class RE2;
}

namespace qi8 {

class NodePattern {
 public:
  // `option` is what gave it, for messages. Throws Error of kind kUsage where it is not a regular expression
  // (RE2 syntax).
  NodePattern(const std::string& text, const std::string& option);
  ~NodePattern();
  NodePattern(NodePattern&&) noexcept;

  // Anywhere in the name.
  [[nodiscard]] bool Matches(std::string_view name) const;

 private:
  std::unique_ptr<re2::RE2> regex_;
};

}  // namespace qi8
