// The rule for Gemm, in all its forms.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "rules/edit_text.hpp"

namespace qi8 {
namespace {

using testing::DecideLast;
using testing::ModelBuilder;
using testing::RandomValues;
using testing::SetFloat;
using testing::SetInt;

constexpr const char* kWeight = "\nweight w as {1, 3, 5} -> [3, 5], scales [5] * 1\n";
constexpr const char* kProduct =
    "activation a\n"
    "#0 Mul(activation0.scale, weight0.scale)\n"
    "#1 MatMulInteger(activation0.data, weight0.data, activation0.zero_point)\n"
    "#2 Cast(#1) to=1\n"
    "#3 Mul(#2, #0)\n";

[[nodiscard]] std::string Gemm(const std::vector<std::string>& inputs,
                               const std::function<void(onnx::NodeProto&)>& set = {}) {
  ModelBuilder builder;
  builder.Initializer("w", {3, 5}, RandomValues(15));
  auto& node = builder.Node("Gemm", inputs, {"y"});
  if (set) set(node);
  return DecideLast(builder);
}

TEST(GemmRule, WithoutC) {
  EXPECT_EQ(Gemm({"a", "w"}), std::string(kWeight) + kProduct);
  EXPECT_EQ(Gemm({"a", "w", ""}), std::string(kWeight) + kProduct);
}

TEST(GemmRule, WithC) {
  EXPECT_EQ(Gemm({"a", "w", "c"}), std::string(kWeight) + kProduct + "#4 Add(#3, c)\n");
}

TEST(GemmRule, AlphaMultipliesTheScales) {
  for (const float alpha : {0.25F, -2.0F, 0.0F}) {
    EXPECT_EQ(Gemm({"a", "w", "c"}, [alpha](auto& node) { SetFloat(node, "alpha", alpha); }),
              "\nweight w as {1, 3, 5} -> [3, 5], scales [5] * " + testing::NumberText(alpha) + "\n" +
                  kProduct + "#4 Add(#3, c)\n");
  }
}

TEST(GemmRule, BetaMultipliesC) {
  EXPECT_EQ(Gemm({"a", "w", "c"}, [](auto& node) { SetFloat(node, "beta", 0.5F); }),
            std::string(kWeight) + kProduct + "#4 Constant() value=0.5\n#5 Mul(c, #4)\n#6 Add(#3, #5)\n");
  EXPECT_EQ(Gemm({"a", "w", "c"}, [](auto& node) { SetFloat(node, "beta", 0); }),
            std::string(kWeight) + kProduct)
      << "beta 0 leaves C out";
  EXPECT_EQ(Gemm({"a", "w"}, [](auto& node) { SetFloat(node, "beta", 0.5F); }),
            std::string(kWeight) + kProduct)
      << "beta of nothing";
}

TEST(GemmRule, TransBIsUndoneWhileQuantizing) {
  EXPECT_EQ(Gemm({"a", "w"}, [](auto& node) { SetInt(node, "transB", 1); }),
            std::string("\nweight w as {3, 5, 1} transposed -> [5, 3], scales [3] * 1\n") + kProduct);
}

TEST(GemmRule, TransABecomesATranspose) {
  EXPECT_EQ(Gemm({"a", "w"}, [](auto& node) { SetInt(node, "transA", 1); }),
            std::string(kWeight) +
                "activation #0\n"
                "#0 Transpose(a) perm=[1, 0]\n"
                "#1 Mul(activation0.scale, weight0.scale)\n"
                "#2 MatMulInteger(activation0.data, weight0.data, activation0.zero_point)\n"
                "#3 Cast(#2) to=1\n"
                "#4 Mul(#3, #1)\n");
}

TEST(GemmRule, AllAtOnce) {
  EXPECT_EQ(Gemm({"a", "w", "c"},
                 [](auto& node) {
                   SetInt(node, "transA", 1);
                   SetInt(node, "transB", 1);
                   SetFloat(node, "alpha", 2);
                   SetFloat(node, "beta", 3);
                 }),
            R"(
weight w as {3, 5, 1} transposed -> [5, 3], scales [3] * 2
activation #0
#0 Transpose(a) perm=[1, 0]
#1 Mul(activation0.scale, weight0.scale)
#2 MatMulInteger(activation0.data, weight0.data, activation0.zero_point)
#3 Cast(#2) to=1
#4 Mul(#3, #1)
#5 Constant() value=3
#6 Mul(c, #5)
#7 Add(#4, #6)
)");
}

TEST(GemmRule, Refusals) {
  ModelBuilder rank;
  rank.Initializer("w", {15}, RandomValues(15)).Node("Gemm", {"a", "w"}, {"y"});
  EXPECT_EQ(DecideLast(rank), "shape: rank 1");
  ModelBuilder opset(10);
  opset.Initializer("w", {3, 5}, RandomValues(15)).Node("Gemm", {"a", "w"}, {"y"});
  EXPECT_EQ(DecideLast(opset), R"(
weight w as {1, 3, 5} -> [3, 5], scales [5] * 1
#0 com.microsoft.DynamicQuantizeMatMul(a, weight0.data, weight0.scale)
)");
  opset.model().mutable_opset_import(0)->set_version(6);
  EXPECT_EQ(DecideLast(opset), "opset: opset 6; 7 or later is needed");
  ModelBuilder computed;
  computed.Node("Gemm", {"a", "w"}, {"y"});
  EXPECT_EQ(DecideLast(computed), "not-constant: nothing in the model defines it");
  ModelBuilder left;  // a constant on the left is no weight
  left.Initializer("w", {3, 5}, RandomValues(15)).Input("b", {5, 5}).Node("Gemm", {"w", "b"}, {"y"});
  EXPECT_EQ(DecideLast(left), "not-constant: ");
}

}  // namespace
}  // namespace qi8
