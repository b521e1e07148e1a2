// The hash that a record holds of itself, so that a changed last line shows, which no other line vouches for.
#pragma once

#include <string>
#include <string_view>

namespace qi8 {

// `object` is one JSON object on one line. Gives it a last member "sha256": the hash of all that stands
// before the comma of that member.
[[nodiscard]] std::string SealRecord(std::string object);

// Whether the line, without its line feed, is as SealRecord left it.
[[nodiscard]] bool IsSealed(std::string_view line);

}  // namespace qi8
