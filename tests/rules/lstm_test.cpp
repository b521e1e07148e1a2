// LSTM as DynamicQuantizeLSTM.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/edit_text.hpp"

namespace qi8 {
namespace {

using testing::DecideLast;
using ::testing::HasSubstr;
using testing::ModelBuilder;
using testing::RandomValues;
using testing::SetInt;

[[nodiscard]] ModelBuilder LstmModel() {
  ModelBuilder builder;
  builder.Initializer("w", {1, 12, 5}, RandomValues(60)).Initializer("r", {1, 12, 3}, RandomValues(36));
  builder.Node("LSTM", {"x", "w", "r", "b"}, {"y", "", "c"});
  return builder;
}

TEST(LstmRule, TurnsItsWeights) {
  auto builder = LstmModel();
  EXPECT_EQ(DecideLast(builder), R"(
weight w as {12, 5, 1} transposed -> [1, 5, 12], scales [1, 12] * 1
weight r as {12, 3, 1} transposed -> [1, 3, 12], scales [1, 12] * 1
#0 Constant() value=tensor [0]
#1 Cast(#0) to=3
#2 Constant() value=tensor [1, 12]
#3 Expand(#1, #2)
#4 com.microsoft.DynamicQuantizeLSTM(x, weight0.data, weight1.data, b, , , , , weight0.scale, #3, weight1.scale, #3)
)");
}

TEST(LstmRule, Refusals) {
  auto layout = LstmModel();
  SetInt(*layout.graph().mutable_node(0), "layout", 1);
  EXPECT_EQ(DecideLast(layout), "shape: layout 1");
  ModelBuilder computed;
  computed.Initializer("w", {1, 12, 5}, RandomValues(60)).Node("LSTM", {"x", "w", "r"}, {"y"});
  EXPECT_THAT(DecideLast(computed), HasSubstr("not-constant"));
  auto tensor = LstmModel();
  Selection one_scale;
  one_scale.granularity = Granularity::kTensor;
  EXPECT_THAT(DecideLast(tensor, one_scale), HasSubstr("shape: "));
}

}  // namespace
}  // namespace qi8
