#include <gtest/gtest.h>

#include <string>

#include "core/domains.hpp"
#include "rules/edit_text.hpp"

namespace qi8 {
namespace {

using testing::DecideLast;
using testing::ModelBuilder;
using testing::RandomValues;
using testing::SetFloat;
using testing::SetInt;

constexpr const char* kProduct =
    "\nweight w as {1, 3, 5} -> [3, 5], scales [5] * 0.5\n"
    "activation a\n"
    "#0 Mul(activation0.scale, weight0.scale)\n"
    "#1 MatMulInteger(activation0.data, weight0.data, activation0.zero_point)\n"
    "#2 Cast(#1) to=1\n"
    "#3 Mul(#2, #0)\n"
    "#4 Add(#3, c)\n";

// A FusedGemm with alpha 0.5 and this activation.
[[nodiscard]] onnx::NodeProto& AddFusedGemm(ModelBuilder& builder, const std::string& activation) {
  builder.Initializer("w", {3, 5}, RandomValues(15));
  auto& node = builder.Node("FusedGemm", {"a", "w", "c"}, {"y"});
  node.set_domain(kMicrosoftDomain);
  SetFloat(node, "alpha", 0.5F);
  testing::SetString(node, "activation", activation);
  return node;
}

TEST(FusedGemmRule, IsAGemmAndItsActivation) {
  ModelBuilder builder;
  static_cast<void>(AddFusedGemm(builder, "Relu"));
  EXPECT_EQ(DecideLast(builder), std::string(kProduct) + "#5 Relu(#4)\n");
}

TEST(FusedGemmRule, GivesTheActivationItsAttributes) {
  ModelBuilder builder;
  auto& node = AddFusedGemm(builder, "HardSigmoid");
  SetFloat(node, "activation_alpha", 0.25F);
  SetFloat(node, "activation_beta", 0.75F);
  EXPECT_EQ(DecideLast(builder), std::string(kProduct) + "#5 HardSigmoid(#4) alpha=0.25 beta=0.75\n");
}

TEST(FusedGemmRule, IsLeftAloneWithAnActivationThatNobodyKnows) {
  for (const char* activation : {"", "Gelu", "relu"}) {
    ModelBuilder builder;
    static_cast<void>(AddFusedGemm(builder, activation));
    EXPECT_EQ(DecideLast(builder), "shape: activation '" + std::string(activation) + "'");
  }
}

TEST(FusedGemmRule, IsThatOfTheDomainAlone) {
  ModelBuilder builder;
  AddFusedGemm(builder, "Relu").clear_domain();
  EXPECT_EQ(DecideLast(builder), "no rule");
}

}  // namespace
}  // namespace qi8
