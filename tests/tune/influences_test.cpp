// How much errors count, by measurements that are made up.
#include "tune/influences.hpp"

#include <gtest/gtest.h>

namespace qi8::tune {
namespace {

// The noise of a unit with nearest codes, by case and output, and the power of its own error.
[[nodiscard]] UnitMeasure Measured(NodeId node, std::vector<double> noise, double injected) {
  UnitMeasure measure;
  measure.unit.members = {node};
  measure.choices.push_back({.choice = {}, .noise = std::move(noise), .injected = injected});
  measure.choices.push_back({.choice = {}, .noise = {0, 0, 0, 0}});
  return measure;
}

class InfluencesTest : public ::testing::Test {
 protected:
  InfluencesTest() {
    measured_.cases = {"a", "b"};
    measured_.outputs = {"quiet", "loud"};
    measured_.signal = {1, 100, 3, 300};
  }

  Measurements measured_;
};

// Of the quiet output's noise, 1 x 0.1 + 3 x 0.3 = 1 is of the first node and 3 of the second; of the loud
// one's, 300 and 100.
TEST_F(InfluencesTest, OutputsCountAlike) {
  measured_.units = {Measured(5, {0.1, 0, 0.3, 1}, 10), Measured(7, {0, 1, 1, 0}, 100)};
  const auto tensor = runtime::Tensor::Of<float>(DataType::kFloat, {3}, std::vector<float>(3));
  const rounding::Influences influences =
      InfluencesOf(measured_, std::vector<compare::InputSet>{{"a", {tensor}}, {"b", {tensor}}});
  EXPECT_EQ(influences.input_bytes, 24U);
  ASSERT_EQ(influences.nodes.size(), 2U);
  EXPECT_DOUBLE_EQ(influences.nodes.at(5).noise, 0.25 + 0.75);
  EXPECT_DOUBLE_EQ(influences.nodes.at(5).of_error, (0.25 + 0.75) / 10);
  EXPECT_DOUBLE_EQ(influences.nodes.at(7).noise, 0.75 + 0.25);
  EXPECT_DOUBLE_EQ(influences.nodes.at(7).of_error, (0.75 + 0.25) / 100);
}

TEST_F(InfluencesTest, WhatWasNotMeasuredIsNotKnown) {
  measured_.units = {Measured(1, {0.1, 0, 0.3, 1}, 10), Measured(2, {0, 1, 1, 0}, 0),
                     Measured(3, {0, 1, kNoiseWithoutEnd, 0}, 100), Measured(4, {0, 1, 1, 0}, 100),
                     Measured(5, {0, 1, 1, 0}, 100)};
  measured_.units[3].choices.front().is_measured = false;
  measured_.units[4].unit.members.push_back(6);  // a node with bodies
  const rounding::Influences influences = InfluencesOf(measured_, {});
  EXPECT_EQ(influences.nodes.size(), 1U);
  EXPECT_TRUE(influences.nodes.contains(1));
}

}  // namespace
}  // namespace qi8::tune
