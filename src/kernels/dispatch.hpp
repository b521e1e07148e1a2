// What isa.cpp and kernels.cpp need of each other, and Highway's settings, which both must have before they
// include any header of Highway. Private to this folder.
#pragma once

#include <cstdint>

// Highway leaves this target out unless asked, and doesn't compile with -march=native on a CPU that has it.
#define HWY_WANT_AVX3_DL

// The kernels keep vectors in arrays, which the sizeless types of SVE and RVV don't allow. NEON, which each
// CPU with SVE has too, is enough for kernels that wait for memory.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)

namespace qi8::kernels::internal {

// Highway's bit mask of the targets that the SIMD body was compiled for.
[[nodiscard]] std::int64_t CompiledTargets();

// Whether ForceIsa() asked for the plain loops. Highway by itself can only choose among the compiled targets,
// and where the compiler may assume SIMD (NEON, or -march=native) none of them is scalar.
[[nodiscard]] bool ReferenceForced();

}  // namespace qi8::kernels::internal
