// Choosing on measurements that are made up, where the best choice is known or can be tried out.
#include "tune/choose.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <random>

#include "support/stride.hpp"

namespace qi8::tune {
namespace {

// A unit of a fast form, a slower and finer one, and float32.
[[nodiscard]] UnitMeasure MakeUnit(TensorId tensor, std::vector<double> seconds,
                                   const std::vector<std::vector<double>>& noise) {
  UnitMeasure unit;
  const std::vector<std::string> names = {"per-token", "residual", "float32"};
  const std::vector<std::uint64_t> bytes = {25, 26, 100};
  for (std::size_t i = 0; i < names.size(); ++i) {
    ChoiceMeasure choice{.choice = {.form = ParseForm(names[i]).value(), .written = names[i], .stored = {}},
                         .seconds = seconds[i],
                         .noise = noise[i]};
    choice.choice.stored[tensor] = bytes[i];
    unit.choices.push_back(std::move(choice));
  }
  return unit;
}

// One case, one output.
[[nodiscard]] Measurements OneOutput(const std::vector<UnitMeasure>& units) {
  return {.cases = {"c"},
          .outputs = {"y"},
          .signal = {1},
          .units = units,
          .unplanned = {},
          .fp32_seconds = 10,
          .fp32_bytes = 1000};
}

TEST(Predict, AddsNoiseTimeAndBytes) {
  const Measurements measured = OneOutput(
      {MakeUnit(0, {1, 2, 4}, {{1e-3}, {1e-4}, {0}}), MakeUnit(1, {1, 2, 4}, {{3e-3}, {1e-4}, {0}})});
  const Prediction predicted = Predict(measured, {0, 0}, Over::kMost);
  EXPECT_NEAR(predicted.sqnr_db, -10 * std::log10(4e-3), 1e-9);
  EXPECT_DOUBLE_EQ(predicted.seconds, 10 - 3 - 3);
  EXPECT_EQ(predicted.bytes, 1000U - 75 - 75);
  EXPECT_TRUE(std::isinf(Predict(measured, {2, 2}, Over::kMost).sqnr_db));
  EXPECT_EQ(Predict(measured, {2, 2}, Over::kMost).bytes, 1000U);
}

TEST(Predict, CountsAWeightOfSeveralUnitsOnce) {
  const auto unit = MakeUnit(7, {1, 2, 4}, {{1e-3}, {1e-4}, {0}});
  const Measurements measured = OneOutput({unit, unit});
  EXPECT_EQ(Predict(measured, {0, 0}, Over::kMost).bytes, 925U);
  EXPECT_EQ(Predict(measured, {0, 2}, Over::kMost).bytes, 1025U) << "both forms of it are stored";
}

// Two units whose errors are equal make four times the power of one, and opposite ones make none.
TEST(Predict, AddsErrorsAsVectors) {
  Measurements measured = OneOutput(
      {MakeUnit(0, {1, 2, 4}, {{1e-4}, {1e-6}, {0}}), MakeUnit(1, {1, 2, 4}, {{1e-4}, {1e-6}, {0}})});
  measured.sketch_size = 2;
  const auto predicted = [&](const std::vector<float>& first, const std::vector<float>& second) {
    measured.units[0].choices[0].error = first;
    measured.units[1].choices[0].error = second;
    return Predict(measured, {0, 0}, Over::kMost).sqnr_db;
  };
  EXPECT_NEAR(predicted({1e-2F, 0}, {0, 1e-2F}), 40 - 10 * std::log10(2), 1e-4);
  EXPECT_NEAR(predicted({1e-2F, 0}, {1e-2F, 0}), 40 - 10 * std::log10(4), 1e-4);
  EXPECT_TRUE(std::isinf(predicted({1e-2F, 0}, {-1e-2F, 0})));
  // Where one of them is no number any more, there is nothing to add.
  measured.units[0].choices[0].noise = {kNoiseWithoutEnd};
  EXPECT_LT(predicted({0, 0}, {1e-2F, 0}), 0);
}

TEST(Fastest, GoesByTheSumOfErrors) {
  Measurements measured = OneOutput(
      {MakeUnit(0, {1, 2, 4}, {{1e-4}, {1e-6}, {0}}), MakeUnit(1, {1, 2, 4}, {{1e-4}, {1e-6}, {0}})});
  EXPECT_EQ(Fastest(measured, 36, {}, Over::kMost), (Choices{0, 0}));
  measured.sketch_size = 1;
  for (auto& unit : measured.units) unit.choices[0].error = {1e-2F};  // 34 dB together
  const auto choices = Fastest(measured, 36, {}, Over::kMost);
  ASSERT_TRUE(choices);
  EXPECT_GE(Predict(measured, *choices, Over::kMost).sqnr_db, 36);
}

TEST(Fastest, TakesTheFinerFormWhereItGainsMost) {
  // Of two units the second makes nearly all of the noise.
  const Measurements measured = OneOutput(
      {MakeUnit(0, {1, 2, 4}, {{1e-4}, {1e-6}, {0}}), MakeUnit(1, {1, 2, 4}, {{1e-2}, {1e-5}, {0}})});
  EXPECT_EQ(Fastest(measured, 15, {}, Over::kMost), (Choices{0, 0}));
  EXPECT_EQ(Fastest(measured, 30, {}, Over::kMost), (Choices{0, 1}));
  EXPECT_EQ(Fastest(measured, 40.1, {}, Over::kMost), (Choices{1, 1}));
  EXPECT_EQ(Fastest(measured, 100, {}, Over::kMost), (Choices{2, 2}));
}

TEST(Fastest, LeavesOutWhatWasNotMeasured) {
  UnitMeasure unit = MakeUnit(0, {1, 2, 4}, {{1e-4}, {kNoiseWithoutEnd}, {0}});
  unit.choices[1].is_measured = false;
  EXPECT_EQ(Fastest(OneOutput({unit}), 50, {}, Over::kMost), (Choices{2}));
}

TEST(Fastest, TakesFloat32WhereItIsFaster) {
  EXPECT_EQ(Fastest(OneOutput({MakeUnit(0, {5, 6, 4}, {{1e-4}, {1e-6}, {0}})}), 1, {}, Over::kMost),
            (Choices{2}));
}

// Units that are alike but for the noise of their times have one form.
TEST(Fastest, MakesNoExceptionThatGainsNextToNothing) {
  const auto with_last = [](double float32) {
    std::vector<UnitMeasure> units;
    for (TensorId i = 0; i < 3; ++i) units.push_back(MakeUnit(i, {1, 1.5, 2}, {{1e-4}, {1e-6}, {0}}));
    units.push_back(MakeUnit(3, {1, 1.5, float32}, {{1e-4}, {1e-6}, {0}}));
    return OneOutput(units);
  };
  EXPECT_EQ(Fastest(with_last(0.99), 20, {}, Over::kMost), (Choices{0, 0, 0, 0})) << "0.1 % of FP32's time";
  EXPECT_EQ(Fastest(with_last(0.94), 20, {}, Over::kMost), (Choices{0, 0, 0, 2}));
}

TEST(Fastest, MakesNoExceptionThatTimesCannotTellFromNone) {
  std::vector<UnitMeasure> units;
  for (TensorId i = 0; i < 3; ++i) units.push_back(MakeUnit(i, {1, 1.5, 2}, {{1e-4}, {1e-6}, {0}}));
  units.push_back(MakeUnit(3, {1, 1.5, 0.9}, {{1e-4}, {1e-6}, {0}}));
  EXPECT_EQ(Fastest(OneOutput(units), 20, {}, Over::kMost), (Choices{0, 0, 0, 2}));
  units.back().choices[0].seconds_doubt = 0.2;
  EXPECT_EQ(Fastest(OneOutput(units), 20, {}, Over::kMost), (Choices{0, 0, 0, 0}));
}

TEST(Fastest, MakesFewExceptionsRatherThanMany) {
  std::vector<UnitMeasure> units;
  for (TensorId i = 0; i < 4; ++i) units.push_back(MakeUnit(i, {1, 1.002, 2}, {{1e-3}, {1e-6}, {0}}));
  units.push_back(MakeUnit(4, {1, 1.02, 2}, {{4e-3}, {1e-6}, {0}}));
  for (TensorId i = 5; i < 9; ++i) units.push_back(MakeUnit(i, {1, 1.5, 2}, {{1e-6}, {1e-7}, {0}}));
  // Without the price of an exception, the first four for 0.008 s.
  EXPECT_EQ(Fastest(OneOutput(units), 23.7, {}, Over::kMost), (Choices{0, 0, 0, 0, 1, 0, 0, 0, 0}));
}

TEST(Fastest, KeepsWithinTheBytes) {
  const Measurements measured = OneOutput(
      {MakeUnit(0, {5, 6, 4}, {{1e-4}, {1e-6}, {0}}), MakeUnit(1, {5, 6, 3}, {{1e-4}, {1e-6}, {0}})});
  EXPECT_EQ(Fastest(measured, 20, {}, Over::kMost), (Choices{2, 2}));
  EXPECT_EQ(Fastest(measured, 20, 930, Over::kMost), (Choices{0, 2})) << "the one that loses less time";
  EXPECT_EQ(Fastest(measured, 20, 850, Over::kMost), (Choices{0, 0}));
  EXPECT_EQ(Fastest(measured, 20, 840, Over::kMost), std::nullopt);
  EXPECT_EQ(Fastest(measured, 45, 850, Over::kMost), std::nullopt);
}

// Over cases: a unit that ruins one of twenty.
class FastestOverCases : public ::testing::Test {
 protected:
  FastestOverCases() {
    std::vector<double> coarse(20, 1e-6);
    coarse[3] = 1e-2;
    measured_ = OneOutput(
        {MakeUnit(0, {1, 2, 4}, {coarse, std::vector<double>(20, 1e-7), std::vector<double>(20, 0)})});
    measured_.cases.assign(20, "c");
    measured_.signal.assign(20, 1);
  }
  Measurements measured_;
};

TEST_F(FastestOverCases, TheSumIsThatOfAll) {
  // 1e-2 / 20 of all cases together: 33 dB.
  EXPECT_EQ(Fastest(measured_, 32, {}, Over::kSum), (Choices{0}));
  EXPECT_EQ(Fastest(measured_, 34, {}, Over::kSum), (Choices{1}));
}

TEST_F(FastestOverCases, MostMayMissOneInTenButNotTheSum) {
  EXPECT_EQ(Fastest(measured_, 32, {}, Over::kMost), (Choices{0}));
  EXPECT_EQ(Fastest(measured_, 34, {}, Over::kMost), (Choices{1}));
}

TEST_F(FastestOverCases, WorstMissesNone) {
  EXPECT_EQ(Fastest(measured_, 21, {}, Over::kWorst), (Choices{1}));
}

TEST_F(FastestOverCases, MostWantsNineOfTen) {
  for (std::size_t i = 0; i < 3; ++i) measured_.units[0].choices[0].noise[i] = 1e-3;
  measured_.units[0].choices[0].noise[3] = 1e-6;
  // All together 38 dB; three of twenty have 30.
  EXPECT_EQ(Fastest(measured_, 35, {}, Over::kSum), (Choices{0}));
  EXPECT_EQ(Fastest(measured_, 35, {}, Over::kMost), (Choices{1}));
}

TEST(Fastest, WantsTheWorstOutput) {
  Measurements measured = OneOutput({MakeUnit(0, {1, 2, 4}, {{1e-5, 1e-2}, {1e-5, 1e-6}, {0, 0}})});
  measured.outputs = {"y", "z"};
  measured.signal = {1, 1};
  EXPECT_EQ(Fastest(measured, 30, {}, Over::kMost), (Choices{1}));
}

// Against every choice there is: the search is no proof, but it may not be far from the best.
TEST(Fastest, IsNearlyTheBestOfAll) {
  std::mt19937 random(1);
  std::uniform_real_distribution<double> exponent(-6, -2);
  std::uniform_real_distribution<double> time(0.5, 2);
  for (int round = 0; round < 50 / static_cast<int>(testing::kStride); ++round) {
    std::vector<UnitMeasure> units;
    for (TensorId i = 0; i < 7; ++i) {
      const double noise = std::pow(10, exponent(random));
      const double fast = time(random);
      units.push_back(MakeUnit(i, {fast, 1.5 * fast, 2 * fast}, {{noise}, {noise / 20}, {0}}));
    }
    Measurements measured = OneOutput(units);
    measured.fp32_seconds = 30;
    for (const double target : {25.0, 30.0, 38.0}) {
      double best = 1e9;
      for (std::size_t number = 0; number < 2187; ++number) {
        Choices choices;
        for (std::size_t i = 0, rest = number; i < 7; ++i, rest /= 3) choices.push_back(rest % 3);
        const Prediction one = Predict(measured, choices, Over::kMost);
        if (one.sqnr_db >= target) best = std::min(best, one.seconds);
      }
      const auto found = Fastest(measured, target, {}, Over::kMost);
      ASSERT_TRUE(found);
      const Prediction predicted = Predict(measured, *found, Over::kMost);
      EXPECT_GE(predicted.sqnr_db, target - 1e-9);
      EXPECT_LE(predicted.seconds, 1.03 * best) << round << ", " << target << " dB";
    }
  }
}

TEST(Frontier, FallsInSpeedAndRisesInSqnr) {
  std::vector<UnitMeasure> units;
  for (TensorId i = 0; i < 5; ++i) {
    const double noise = std::pow(10.0, -2.0 - i);
    units.push_back(MakeUnit(i, {1, 1.5, 2}, {{noise}, {noise / 30}, {0}}));
  }
  const Measurements measured = OneOutput(units);
  const std::vector<Point> frontier = Frontier(measured, {}, Over::kMost);
  ASSERT_GT(frontier.size(), 4U);
  EXPECT_EQ(frontier.front().choices, (Choices{0, 0, 0, 0, 0}));
  for (std::size_t i = 1; i < frontier.size(); ++i) {
    EXPECT_GT(frontier[i].predicted.sqnr_db, frontier[i - 1].predicted.sqnr_db);
    EXPECT_GT(frontier[i].predicted.seconds, frontier[i - 1].predicted.seconds);
  }
}

TEST(Knee, IsWhereADecibelBeginsToCost) {
  const auto at = [](double db, double seconds) { return Point{{}, {db, db, seconds, 0}}; };
  const std::vector<Point> frontier = {at(10, 1.0), at(28, 1.1), at(30, 1.5), at(32, 2.0)};
  EXPECT_EQ(Knee(frontier).predicted.sqnr_db, 28);
  EXPECT_EQ(Knee({at(10, 1)}).predicted.sqnr_db, 10);
  const std::vector<Point> exact = {at(10, 1.0), at(28, 1.1), at(30, 2),
                                    at(std::numeric_limits<double>::infinity(), 3)};
  EXPECT_EQ(Knee(exact).predicted.sqnr_db, 28);
}

TEST(Choose, FollowsTheGoals) {
  std::vector<UnitMeasure> units;
  for (TensorId i = 0; i < 3; ++i) units.push_back(MakeUnit(i, {1, 1.5, 2}, {{1e-3}, {1e-5}, {0}}));
  const Measurements measured = OneOutput(units);  // 10 s, all per-token 7 s
  EXPECT_EQ(Choose(measured, {.min_sqnr_db = 20}), (Choices{0, 0, 0}));
  EXPECT_EQ(Choose(measured, {.min_sqnr_db = 20, .max_seconds = 6.9}), std::nullopt);
  EXPECT_EQ(Choose(measured, {.max_seconds = 8.6}), (Choices{1, 1, 1}));
  EXPECT_EQ(Choose(measured, {.max_seconds = 5}), std::nullopt);
  EXPECT_EQ(Choose(measured, {.max_bytes = 800}), (Choices{1, 1, 1}));
  EXPECT_EQ(Choose(measured, {.max_bytes = 700}), std::nullopt);
}

}  // namespace
}  // namespace qi8::tune
