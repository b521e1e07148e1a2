// Attention as QAttention.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/edit_text.hpp"

namespace qi8 {
namespace {

using testing::DecideLast;
using testing::ModelBuilder;
using testing::RandomValues;
using testing::SetInts;

[[nodiscard]] ModelBuilder AttentionModel(const std::vector<std::string>& inputs) {
  ModelBuilder builder;
  builder.Initializer("w", {8, 24}, RandomValues(192));
  builder.Node("Attention", inputs, {"y"}).set_domain("com.microsoft");
  return builder;
}

TEST(AttentionRule, AScaleForEachColumn) {
  auto builder = AttentionModel({"x", "w", "b", "mask"});
  EXPECT_EQ(DecideLast(builder), R"(
weight w as {1, 8, 24} -> [8, 24], scales [24] * 1
activation x
#0 Constant() value=tensor [0]
#1 Cast(#0) to=3
#2 com.microsoft.QAttention(activation0.data, weight0.data, b, activation0.scale, weight0.scale, mask, activation0.zero_point, #1, )
)");
}

TEST(AttentionRule, Refusals) {
  auto no_bias = AttentionModel({"x", "w"});
  EXPECT_EQ(DecideLast(no_bias), "shape: it has no bias, which QAttention needs");
  auto bias = AttentionModel({"x", "w", "b", "", "", "attention_bias"});
  EXPECT_EQ(DecideLast(bias), "shape: QAttention does not have all of its inputs");
  auto sizes = AttentionModel({"x", "w", "b"});
  SetInts(*sizes.graph().mutable_node(0), "qkv_hidden_sizes", {8, 8, 8});
  EXPECT_EQ(DecideLast(sizes), "shape: QAttention has no attribute qkv_hidden_sizes");
}

}  // namespace
}  // namespace qi8
