// How the form residual is spelled.
#include <gtest/gtest.h>

#include "rules/edit_text.hpp"

namespace qi8 {
namespace {

using testing::DecideLast;
using testing::ModelBuilder;
using testing::RandomValues;

TEST(Residual, QuantizesWhatTheFirstLeftOver) {
  ModelBuilder builder(17);
  builder.Input("x", {2, 3});
  builder.Initializer("w", {3, 5}, RandomValues(15)).Node("MatMul", {"x", "w"}, {"y"});
  EXPECT_EQ(DecideLast(builder, {}, Form{FormKind::kResidual}), R"(
weight w as {1, 3, 5} -> [3, 5], scales [5] * 1
activation x
activation shared1
shared0 DequantizeLinear(activation0.data, activation0.scale, activation0.zero_point)
shared1 Sub(x, shared0)
#0 Mul(activation0.scale, weight0.scale)
#1 MatMulInteger(activation0.data, weight0.data, activation0.zero_point)
#2 Cast(#1) to=1
#3 Mul(#2, #0)
#4 Mul(activation1.scale, weight0.scale)
#5 MatMulInteger(activation1.data, weight0.data, activation1.zero_point)
#6 Cast(#5) to=1
#7 Mul(#6, #4)
#8 Add(#3, #7)
)");
}

}  // namespace
}  // namespace qi8
