// Conv as ConvInteger.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/edit_text.hpp"

namespace qi8 {
namespace {

using testing::DecideLast;
using ::testing::HasSubstr;
using testing::ModelBuilder;
using testing::RandomValues;

[[nodiscard]] ModelBuilder ConvModel() {
  ModelBuilder builder;
  builder.Initializer("w", {6, 4, 3, 3}, RandomValues(216)).Node("Conv", {"x", "w", "b"}, {"y"});
  return builder;
}

TEST(ConvRule, Uint8ForOldRuntimes) {
  auto builder = ConvModel();
  EXPECT_EQ(DecideLast(builder), R"(
weight w as {6, 36, 1} -> [6, 4, 3, 3], scales [6, 1, 1] * 1
activation x
#0 Mul(activation0.scale, weight0.scale)
#1 Constant() value=tensor [128]
#2 Cast(#1) to=2
#3 ConvInteger(activation0.data, weight0.data, activation0.zero_point, #2)
#4 Cast(#3) to=1
#5 Mul(#4, #0)
#6 Constant() value=tensor [-1, 1, 1]
#7 Reshape(b, #6)
#8 Add(#5, #7)
)");
}

TEST(ConvRule, Int8ForNewOnes) {
  auto builder = ConvModel();
  Selection selection;
  selection.target = {1, 24};
  EXPECT_THAT(DecideLast(builder, selection),
              HasSubstr("ConvInteger(activation0.data, weight0.data, activation0.zero_point)\n"));
  EXPECT_FALSE((TargetRuntime{1, 23}).conv_takes_int8());
  EXPECT_TRUE((TargetRuntime{2, 0}).conv_takes_int8());
}

}  // namespace
}  // namespace qi8
