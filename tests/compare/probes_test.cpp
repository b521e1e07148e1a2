#include "compare/probes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>

namespace qi8::compare {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

constexpr Probe kAll[] = {Probe::kWhiteNoise, Probe::kPinkNoise, Probe::kGatedNoise, Probe::kTone,
                          Probe::kPulses};

[[nodiscard]] std::vector<double> Make(Probe probe, const std::vector<std::int64_t>& shape,
                                       std::uint64_t seed = 1) {
  Random random(seed, 0);
  return MakeProbe(probe, shape, random);
}

[[nodiscard]] double Peak(const std::vector<double>& values) {
  double peak = 0;
  for (const double value : values) peak = std::max(peak, std::fabs(value));
  return peak;
}

[[nodiscard]] double Power(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value * value;
  return sum / static_cast<double>(values.size());
}

// In frames of 256 samples: the power between two frequencies, in turns a frame.
[[nodiscard]] double BandPower(const std::vector<double>& values, int first, int last) {
  constexpr std::size_t kFrame = 256;
  double power = 0;
  for (std::size_t start = 0; start + kFrame <= values.size(); start += kFrame) {
    for (int turns = first; turns <= last; ++turns) {
      std::complex<double> sum;
      for (std::size_t i = 0; i < kFrame; ++i) {
        const double phase = 2 * std::numbers::pi * turns * static_cast<double>(i) / kFrame;
        sum += values[start + i] * std::polar(1.0, -phase);
      }
      power += std::norm(sum);
    }
  }
  return power / (last - first + 1);
}

TEST(ProbesForTest, TheLongAxesDecide) {
  EXPECT_THAT(ProbesFor(std::vector<std::int64_t>{1, 16000}), SizeIs(5));
  EXPECT_THAT(ProbesFor(std::vector<std::int64_t>{16000}), SizeIs(5));
  EXPECT_THAT(ProbesFor(std::vector<std::int64_t>{1, 3, 32, 32}),
              ElementsAre(Probe::kWhiteNoise, Probe::kPinkNoise, Probe::kGatedNoise));
  EXPECT_THAT(ProbesFor(std::vector<std::int64_t>{64, 4}), ElementsAre(Probe::kWhiteNoise));
  EXPECT_THAT(ProbesFor(std::vector<std::int64_t>{}), ElementsAre(Probe::kWhiteNoise));
}

TEST(MakeProbeTest, EveryShapeHasItsElementsAndFollowsTheSeed) {
  for (const Probe probe : kAll) {
    for (const std::vector<std::int64_t>& shape : {std::vector<std::int64_t>{},
                                                   {0},
                                                   {1, 0, 8},
                                                   {1},
                                                   {3, 1},
                                                   {9},
                                                   {2, 100},
                                                   {1, 3, 20, 24},
                                                   {2, 9, 1, 8}}) {
      std::size_t count = 1;
      for (const auto size : shape) count *= static_cast<std::size_t>(size);
      const auto values = Make(probe, shape);
      EXPECT_THAT(values, SizeIs(count)) << ProbeName(probe);
      for (const double value : values) EXPECT_TRUE(std::isfinite(value));
    }
    EXPECT_EQ(Make(probe, {1, 500}), Make(probe, {1, 500}));
  }
  EXPECT_NE(Make(Probe::kPinkNoise, {500}), Make(Probe::kPinkNoise, {500}, 2));
}

TEST(MakeProbeTest, SignalsHaveAPeakOfOneAndPicturesAVarianceOfOne) {
  for (const Probe probe : {Probe::kPinkNoise, Probe::kGatedNoise, Probe::kTone, Probe::kPulses}) {
    EXPECT_NEAR(Peak(Make(probe, {1, 4000})), 1, 1e-9) << ProbeName(probe);
    EXPECT_NEAR(Power(Make(probe, {1, 3, 40, 60})), 1, 1e-9) << ProbeName(probe);
  }
  EXPECT_NEAR(Power(Make(Probe::kWhiteNoise, {1, 20000})), 1, 0.05);
}

// What white noise lacks, and why there are others.
TEST(MakeProbeTest, SpectraAreThoseOfNature) {
  const auto ratio = [](Probe probe) {
    const auto values = Make(probe, {1, 16384});
    return 10 * std::log10(BandPower(values, 1, 4) / BandPower(values, 100, 120));
  };
  EXPECT_NEAR(ratio(Probe::kWhiteNoise), 0, 2);
  EXPECT_GT(ratio(Probe::kPinkNoise), 10);
  EXPECT_GT(ratio(Probe::kGatedNoise), 10);
}

TEST(MakeProbeTest, NeighborsInAPictureAreAlikeOnBothAxes) {
  constexpr std::size_t kRows = 64, kColumns = 80;
  const auto values = Make(Probe::kPinkNoise, {1, 1, kRows, kColumns});
  double across = 0, down = 0;
  for (std::size_t i = 0; i + 1 < kRows; ++i) {
    for (std::size_t j = 0; j + 1 < kColumns; ++j) {
      const double value = values[i * kColumns + j];
      across += value * values[i * kColumns + j + 1];
      down += value * values[(i + 1) * kColumns + j];
    }
  }
  constexpr double kCount = (kRows - 1) * (kColumns - 1);
  EXPECT_GT(across / kCount, 0.4);
  EXPECT_GT(down / kCount, 0.4);
}

TEST(MakeProbeTest, AGateIsSilentForAPart) {
  const auto values = Make(Probe::kGatedNoise, {1, 600});
  EXPECT_EQ(std::ranges::count(values, 0.0), 300);
}

TEST(MakeProbeTest, BetweenTwoValuesItReachesOneAndPassesNone) {
  for (const Probe probe : kAll) {
    Random random(1, 0);
    const auto values = MakeProbe(probe, std::vector<std::int64_t>{1, 3000}, random, 10, 250);
    const auto [low, high] = std::ranges::minmax(values);
    EXPECT_GE(low, 10);
    EXPECT_LE(high, 250);
    EXPECT_TRUE(low < 11 || high > 249) << ProbeName(probe);
  }
}

}  // namespace
}  // namespace qi8::compare
