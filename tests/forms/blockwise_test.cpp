// How the form blockwise is spelled, and what cannot have it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/edit_text.hpp"

namespace qi8 {
namespace {

using testing::DecideLast;
using ::testing::HasSubstr;
using testing::ModelBuilder;
using testing::RandomValues;

constexpr Form kBlocks{FormKind::kBlockwise, 16};

TEST(Blockwise, AWeightByColumnsIsTurned) {
  ModelBuilder builder(17);
  builder.Input("x", {2, 32});
  builder.Initializer("w", {32, 5}, RandomValues(160)).Node("MatMul", {"x", "w"}, {"y"});
  EXPECT_EQ(DecideLast(builder, {}, kBlocks), R"(
weight w as {2, 16, 5} transposed -> [5, 2, 16], scales [5, 2] * 1, zero points []
#0 com.microsoft.MatMulNBits(x, weight0.data, weight0.scale) K=32 N=5 bits=8 block_size=16 accuracy_level=4
)");
}

TEST(Blockwise, AWeightByRowsIsInOrderAlready) {
  ModelBuilder builder(17);
  builder.Input("x", {2, 32});
  builder.Initializer("w", {5, 32}, RandomValues(160));
  auto& gemm = builder.Node("Gemm", {"x", "w"}, {"y"});
  testing::SetInt(gemm, "transB", 1);
  testing::SetFloat(gemm, "alpha", 2);
  EXPECT_EQ(DecideLast(builder, {}, kBlocks), R"(
weight w as {10, 16, 1} -> [5, 2, 16], scales [5, 2] * 2, zero points []
#0 com.microsoft.MatMulNBits(x, weight0.data, weight0.scale) K=32 N=5 bits=8 block_size=16 accuracy_level=4
)");
}

// The nearest form is the one that is as accurate.
TEST(Blockwise, WhatCannotHaveItIsResidual) {
  ModelBuilder uneven(17);
  uneven.Input("x", {2, 30});
  uneven.Initializer("w", {30, 5}, RandomValues(150)).Node("MatMul", {"x", "w"}, {"y"});
  EXPECT_THAT(DecideLast(uneven, {}, kBlocks), HasSubstr("activation shared"));
  ModelBuilder batch(17);
  batch.Input("x", {3, 2, 32});
  batch.Initializer("w", {3, 32, 5}, RandomValues(480)).Node("MatMul", {"x", "w"}, {"y"});
  EXPECT_THAT(DecideLast(batch, {}, kBlocks), HasSubstr("activation shared"));
  ModelBuilder even(17);
  even.Input("x", {2, 32});
  even.Initializer("w", {32, 5}, RandomValues(160)).Node("MatMul", {"x", "w"}, {"y"});
  Selection old;
  old.target = {1, 21};
  EXPECT_THAT(DecideLast(even, old, kBlocks), HasSubstr("activation shared"));
  old.target = {1, 22};
  EXPECT_THAT(DecideLast(even, old, kBlocks), HasSubstr("MatMulNBits"));
}

}  // namespace
}  // namespace qi8
