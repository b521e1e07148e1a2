// What this program is.
#pragma once

#include <string>

namespace qi8 {

// The commit that it was built from; empty where it was not built from a repository.
[[nodiscard]] std::string BuildCommit();

}  // namespace qi8
