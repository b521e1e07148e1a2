// Weights that are stored as INT8 and restored before their operator.
#include <gtest/gtest.h>

#include "rules/edit_text.hpp"

namespace qi8 {
namespace {

using testing::DecideLast;
using testing::ModelBuilder;
using testing::RandomValues;

[[nodiscard]] Selection Storing(const std::string& op) {
  Selection selection;
  selection.store_int8 = {op};
  return selection;
}

[[nodiscard]] std::string Stored(ModelBuilder& builder, const std::string& op) {
  return DecideLast(builder, Storing(op));
}

TEST(StoredRule, AScaleForEachOutputChannelOfAConv) {
  ModelBuilder builder;
  builder.Initializer("w", {8, 4, 3, 3}, RandomValues(288)).Initializer("b", {8}, RandomValues(8));
  builder.Node("Conv", {"x", "w", "b"}, {"y"});
  EXPECT_EQ(Stored(builder, "Conv"), R"(
weight w as {8, 36, 1} -> [8, 4, 3, 3], scales [8, 1, 1, 1] * 1
#0 Cast(weight0.data) to=1
#1 Mul(#0, weight0.scale)
#2 Conv(x, #1, b)
)");
}

TEST(StoredRule, BothWeightsOfARecurrentOperator) {
  ModelBuilder builder;
  builder.Initializer("w", {1, 12, 5}, RandomValues(60)).Initializer("r", {1, 12, 3}, RandomValues(36));
  builder.Node("LSTM", {"x", "w", "r"}, {"y"});
  EXPECT_EQ(Stored(builder, "LSTM"), R"(
weight w as {12, 5, 1} -> [1, 12, 5], scales [1, 12, 1] * 1
weight r as {12, 3, 1} -> [1, 12, 3], scales [1, 12, 1] * 1
#0 Cast(weight0.data) to=1
#1 Mul(#0, weight0.scale)
#2 Cast(weight1.data) to=1
#3 Mul(#2, weight1.scale)
#4 LSTM(x, #1, #3)
)");
}

TEST(StoredRule, OneOfTwoWeightsIsEnough) {
  ModelBuilder builder;
  builder.Initializer("r", {1, 9, 3}, RandomValues(27)).Node("GRU", {"x", "computed", "r"}, {"y"});
  EXPECT_EQ(Stored(builder, "GRU"), R"(
weight r as {9, 3, 1} -> [1, 9, 3], scales [1, 9, 1] * 1
#0 Cast(weight0.data) to=1
#1 Mul(#0, weight0.scale)
#2 GRU(x, computed, #1)
)");
}

TEST(StoredRule, WeightsOfOtherTypesAreRestoredToTheirs) {
  ModelBuilder builder;
  builder.Initializer("w", {8, 4, 3}, RandomValues(96)).Node("Conv", {"x", "w"}, {"y"});
  auto& tensor = *builder.graph().mutable_initializer(0);
  tensor.set_data_type(onnx::TensorProto::FLOAT16);
  tensor.set_raw_data(std::string(192, '\1'));
  EXPECT_EQ(Stored(builder, "Conv"), R"(
weight w as {8, 12, 1} -> [8, 4, 3], scales [8, 1, 1] * 1
#0 Cast(weight0.data) to=1
#1 Mul(#0, weight0.scale)
#2 Cast(#1) to=10
#3 Conv(x, #2)
)");
}

TEST(StoredRule, Refusals) {
  ModelBuilder computed;
  computed.Node("Conv", {"x", "w"}, {"y"});
  EXPECT_EQ(Stored(computed, "Conv"), "not-constant: nothing in the model defines it");
  ModelBuilder vector;
  vector.Initializer("w", {8}, RandomValues(8)).Node("Conv", {"x", "w"}, {"y"});
  EXPECT_EQ(Stored(vector, "Conv"), "shape: rank 1");
  ModelBuilder old(6);
  old.Initializer("w", {8, 4, 3}, RandomValues(96)).Node("Conv", {"x", "w"}, {"y"});
  EXPECT_EQ(Stored(old, "Conv"), "opset: opset 6; 7 or later is needed");
}

}  // namespace
}  // namespace qi8
