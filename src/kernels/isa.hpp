// Which instruction set the kernels run on. The results don't depend on it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace qi8::kernels {

// The one in use, by Highway's name in lower case: "avx3_dl", "avx3", "avx2", "sse4", "ssse3", "neon", ...;
// "scalar" for the plain loops of reference.hpp.
[[nodiscard]] std::string ActiveIsa();

// Those that this CPU and this build have, best first. Always ends in "scalar". Not changed by ForceIsa().
[[nodiscard]] std::vector<std::string> SupportedIsas();

// Runs the kernels on the named one from now on, for the whole process; "auto" returns to the best. Throws
// Error (kUsage) naming the supported ones if it is none of them. Not to be called while another thread runs
// a kernel.
void ForceIsa(std::string_view name);

}  // namespace qi8::kernels
