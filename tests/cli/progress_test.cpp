#include "cli/progress.hpp"

#include <gtest/gtest.h>

namespace qi8::cli {
namespace {

constexpr std::uint64_t kTotal = 4'000'000'000;

TEST(ProgressText, SaysHowFarFastAndLong) {
  EXPECT_EQ(ProgressText(kTotal / 4, kTotal, 2), "1.00 GB of 4.00 GB (25 %), 500 MB/s, 6 s left");
  EXPECT_EQ(ProgressText(kTotal / 4, kTotal, 100), "1.00 GB of 4.00 GB (25 %), 10.0 MB/s, 5 min 0 s left");
  EXPECT_EQ(ProgressText(kTotal, kTotal, 8), "4.00 GB of 4.00 GB (100 %), 500 MB/s, 0 s left");
  EXPECT_EQ(ProgressText(0, 0, 0), "0 bytes of 0 bytes (100 %)");
}

TEST(MeasuredText, SaysHowFarAndHowLong) {
  EXPECT_EQ(MeasuredText(80, 320, 10), "80 of 320 measurements (25 %), 30 s left");
  EXPECT_EQ(MeasuredText(1, 320, 10), "1 of 320 measurements (0 %)");
  EXPECT_EQ(MeasuredText(80, 320, 0.5), "80 of 320 measurements (25 %)");
  EXPECT_EQ(MeasuredText(0, 0, 0), "0 of 0 measurements (100 %)");
}

// The first file may be read in no time, or from a disk that has to wake up.
TEST(ProgressText, GuessesNothingFromTheFirstBytes) {
  EXPECT_EQ(ProgressText(kTotal / 4, kTotal, 0.9), "1.00 GB of 4.00 GB (25 %)");
  EXPECT_EQ(ProgressText(kTotal / 100, kTotal, 30), "40.0 MB of 4.00 GB (1 %)");
}

}  // namespace
}  // namespace qi8::cli
