// How tests go over all cases of a kind: every bit of a file, every call that may fail, every instant of a
// kill.
#pragma once

#include <cstddef>

namespace qi8::testing {

// Each case is tried, but one in seven where sanitizers make a case ten times slower: they look for what the
// same code does with memory, which differs little from case to case. Seven has no divisor in common with the
// bits of a byte, so all of them have their turn.
#if defined(QI8_TEST_SLOW)
inline constexpr std::size_t kStride = 7;
#else
inline constexpr std::size_t kStride = 1;
#endif

}  // namespace qi8::testing
