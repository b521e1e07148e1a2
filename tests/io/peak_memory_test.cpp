#include "io/peak_memory.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace qi8 {
namespace {

TEST(PeakMemory, GrowsWithWhatIsTouched) {
  const std::uint64_t before = PeakMemory();
  EXPECT_GT(before, 1'000'000U);
  constexpr std::size_t kBytes = 200'000'000;
  const std::vector<char> block(kBytes, 'x');
  EXPECT_GE(PeakMemory(), std::max<std::uint64_t>(before, kBytes)) << block[kBytes / 2];
}

}  // namespace
}  // namespace qi8
