#include "plan/storing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace qi8 {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

[[nodiscard]] NodeDecision Kept(const std::string& op_type, std::size_t weight, SkipReason reason) {
  NodeDecision node;
  node.op_type = op_type;
  node.weight_bytes = 1000;
  node.weight_number = weight;
  node.skip = Skip{reason, ""};
  return node;
}

class WorthStoringTest : public ::testing::Test {
 protected:
  WorthStoringTest() {
    plan_.inputs = {{"in.onnx", 4000, ""}};
    plan_.outputs = {{"out.onnx", 3000, ""}};
  }
  PlanReport plan_;
};

TEST_F(WorthStoringTest, NamesOperatorsWhoseWeightsAreMostOfTheOutput) {
  plan_.nodes = {Kept("Conv", 0, SkipReason::kOperatorNotSelected), Kept("GRU", 1, SkipReason::kNoRule)};
  EXPECT_THAT(WorthStoring(plan_), ElementsAre("Conv", "GRU"));
  plan_.outputs[0].size = 4000;
  EXPECT_THAT(WorthStoring(plan_), IsEmpty()) << "half is not most";
}

TEST_F(WorthStoringTest, CountsAWeightOnce) {
  plan_.nodes = {Kept("Conv", 0, SkipReason::kOperatorNotSelected),
                 Kept("Conv", 0, SkipReason::kOperatorNotSelected)};
  EXPECT_THAT(WorthStoring(plan_), IsEmpty());
}

TEST_F(WorthStoringTest, LeavesOutWhatCouldNotBeStored) {
  plan_.nodes = {Kept("Conv", 0, SkipReason::kExcluded), Kept("Conv", 1, SkipReason::kOperand),
                 Kept("Add", 2, SkipReason::kNoRule)};
  EXPECT_THAT(WorthStoring(plan_), IsEmpty());
}

TEST_F(WorthStoringTest, TakesTheInputForTheWholeWhereThereIsNoOutput) {
  plan_.outputs.clear();
  plan_.nodes = {Kept("Conv", 0, SkipReason::kOperatorNotSelected),
                 Kept("Conv", 1, SkipReason::kOperatorNotSelected)};
  EXPECT_THAT(WorthStoring(plan_), IsEmpty());
  plan_.nodes.push_back(Kept("Conv", 2, SkipReason::kOperatorNotSelected));
  EXPECT_THAT(WorthStoring(plan_), ElementsAre("Conv"));
}

}  // namespace
}  // namespace qi8
