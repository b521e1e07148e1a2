// EmbedLayerNormalization as QEmbedLayerNormalization.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/edit_text.hpp"

namespace qi8 {
namespace {

using testing::DecideLast;
using testing::ModelBuilder;
using testing::RandomValues;

TEST(EmbedLayerNormalizationRule, OneScaleForEachTable) {
  ModelBuilder builder;
  builder.Initializer("words", {9, 8}, RandomValues(72)).Initializer("positions", {5, 8}, RandomValues(40));
  builder.Initializer("gamma", {8}, RandomValues(8)).Initializer("beta", {8}, RandomValues(8));
  builder
      .Node("EmbedLayerNormalization", {"ids", "", "words", "positions", "", "gamma", "beta", "mask"},
            {"y", "index"})
      .set_domain("com.microsoft");
  EXPECT_EQ(DecideLast(builder), R"(
weight words as {1, 72, 1} -> [9, 8], scales [] * 1
weight positions as {1, 40, 1} -> [5, 8], scales [] * 1
weight gamma as {1, 8, 1} -> [8], scales [] * 1
weight beta as {1, 8, 1} -> [8], scales [] * 1
#0 Constant() value=tensor [0]
#1 Cast(#0) to=3
#2 com.microsoft.QEmbedLayerNormalization(ids, , weight0.data, weight1.data, , weight2.data, weight3.data, mask, weight0.scale, weight1.scale, , weight2.scale, weight3.scale, #1, #1, , #1, #1)
)");
}

}  // namespace
}  // namespace qi8
