// How the form per-token is spelled.
#include <gtest/gtest.h>

#include "rules/edit_text.hpp"

namespace qi8 {
namespace {

using testing::DecideLast;
using testing::ModelBuilder;
using testing::RandomValues;

constexpr Form kPerToken{FormKind::kPerToken};

// Nothing is known of an input of the model, so each row has an offset, which the sums of the weight's
// channels go with.
TEST(PerToken, RowsThatMayLieAnywhereHaveAnOffset) {
  ModelBuilder builder(17);
  builder.Input("x", {2, 3});
  builder.Initializer("w", {3, 5}, RandomValues(15)).Node("MatMul", {"x", "w"}, {"y"});
  EXPECT_EQ(DecideLast(builder, {}, kPerToken), R"(
weight w as {1, 3, 5} -> [3, 5], scales [5] * 1, with sums
shared0 ReduceMax(x) axes=[-1] keepdims=1
shared1 ReduceMin(x) axes=[-1] keepdims=1
shared2 Constant() value=0.00392157
shared3 Mul(shared0, shared2)
shared4 Mul(shared1, shared2)
shared5 Sub(shared3, shared4)
shared6 Constant() value=1e-30
shared7 Max(shared5, shared6)
shared8 Div(shared1, shared7)
shared9 Round(shared8)
shared10 Mul(shared7, shared9)
shared11 Constant() value=255
shared12 Mul(shared7, shared11)
shared13 Sub(shared0, shared12)
shared14 Constant() value=0
shared15 Greater(shared0, shared14)
shared16 Less(shared1, shared14)
shared17 Where(shared15, shared10, shared13)
shared18 Where(shared16, shared17, shared1)
shared19 Sub(x, shared18)
shared20 Div(shared19, shared7)
shared21 Constant() value=1
shared22 Constant() value=tensor [0]
shared24 QuantizeLinear(shared20, shared21, shared23)
shared25 Constant() value=1
#0 com.microsoft.MatMulIntegerToFloat(shared24, weight0.data, shared25, weight0.scale)
#1 Mul(#0, shared7)
#2 Mul(shared18, weight0.sum)
#3 Add(#1, #2)
)");
}

// Behind a norm, zero is in the middle of the codes of every row, and no sum is wanted.
TEST(PerToken, RowsAboutZeroHaveAConstantZeroPoint) {
  ModelBuilder builder(18);
  builder.Input("x", {2, 3}).Initializer("g", {3}, RandomValues(3));
  builder.Node("LayerNormalization", {"x", "g", "g"}, {"n"});
  builder.Initializer("w", {3, 5}, RandomValues(15)).Node("MatMul", {"n", "w"}, {"y"});
  EXPECT_EQ(DecideLast(builder, {}, kPerToken), R"(
weight w as {1, 3, 5} -> [3, 5], scales [5] * 1
shared0 Constant() value=tensor [-1]
shared1 ReduceMax(n, shared0) keepdims=1
shared2 Constant() value=0.00787402
shared3 Mul(shared1, shared2)
shared4 Constant() value=tensor [-1]
shared5 ReduceMin(n, shared4) keepdims=1
shared6 Constant() value=-0.0078125
shared7 Mul(shared5, shared6)
shared8 Constant() value=1e-30
shared9 Max(shared3, shared7, shared8)
shared10 Div(n, shared9)
shared11 Constant() value=1
shared12 Constant() value=tensor [128]
shared14 QuantizeLinear(shared10, shared11, shared13)
shared15 Constant() value=1
shared16 Constant() value=tensor [128]
#0 com.microsoft.MatMulIntegerToFloat(shared14, weight0.data, shared15, weight0.scale, shared17)
#1 Mul(#0, shared9)
)");
}

// A small weight is worth an offset whatever the range; with the smallest, as above, it is the number of
// nodes that counts.
TEST(PerToken, SmallWeightsHaveAnOffset) {
  for (const auto& [columns, has_sums] :
       {std::pair(127, false), std::pair(128, true), std::pair(512, true), std::pair(513, false)}) {
    ModelBuilder builder(17);
    builder.Input("x", {2, 256}).Initializer("g", {256}, RandomValues(256));
    builder.Node("LayerNormalization", {"x", "g", "g"}, {"n"});
    builder.Initializer("w", {256, columns}, RandomValues(static_cast<std::size_t>(256 * columns)));
    builder.Node("MatMul", {"n", "w"}, {"y"});
    EXPECT_EQ(DecideLast(builder, {}, kPerToken).find("with sums") != std::string::npos, has_sums) << columns;
  }
}

// A weight with one scale for all channels has no sum for each of them.
TEST(PerToken, OneScaleForAWeightHasNoSums) {
  ModelBuilder builder(17);
  builder.Input("x", {2, 3});
  builder.Initializer("w", {3, 5}, RandomValues(15)).Node("MatMul", {"x", "w"}, {"y"});
  Selection selection;
  selection.granularity = Granularity::kTensor;
  const std::string text = DecideLast(builder, selection, kPerToken);
  EXPECT_EQ(text.find("with sums"), std::string::npos);
  EXPECT_NE(text.find("MatMulIntegerToFloat"), std::string::npos);
}

// Batches of matrices: MatMulIntegerToFloat takes none, and the two scales must not be multiplied with each
// other.
TEST(PerToken, BatchesOfMatricesHaveStandardOperators) {
  ModelBuilder builder(17);
  builder.Input("x", {4, 2, 3})
      .Initializer("w", {4, 3, 5}, RandomValues(60))
      .Node("MatMul", {"x", "w"}, {"y"});
  const std::string text = DecideLast(builder, {}, kPerToken);
  EXPECT_NE(text.find("\n#1 Cast(#0) to=1\n#2 Mul(#1, weight0.scale)\n#3 Mul(#2, shared"), std::string::npos)
      << text;
  EXPECT_NE(text.find("\n#0 MatMulInteger("), std::string::npos) << text;
}

// Before opset 11 there is neither Round nor a ReduceMax of the last axis: the nearest form.
TEST(PerToken, BelowOpset11ItIsPerTensor) {
  ModelBuilder builder(10);
  builder.Input("x", {2, 3});
  builder.Initializer("w", {3, 5}, RandomValues(15)).Node("MatMul", {"x", "w"}, {"y"});
  EXPECT_NE(DecideLast(builder, {}, kPerToken).find("DynamicQuantizeMatMul"), std::string::npos);
}

}  // namespace
}  // namespace qi8
