// Texts that are compared with files in tests/golden. `scripts/update-golden` writes them anew.
#pragma once

#include <string>

namespace qi8::testing {

// Expects `text` to equal tests/golden/<name>; with QI8_UPDATE_GOLDEN set, writes it there instead.
void ExpectGolden(const std::string& name, const std::string& text);

}  // namespace qi8::testing
