// What the forms promise, on ONNX Runtime: rows that do not depend on each other, and weights of 16 bits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "real_models/operators.hpp"
#include "runtime/fidelity.hpp"

namespace qi8::testing {
namespace {

constexpr std::int64_t kWidth = 32, kRows = 5;

// Two products with a norm between them, so that rows with an offset and rows about zero are there; no
// operator but products and what belongs to a row.
class Invariance : public Operators {
 protected:
  void SetUp() override {
    ModelBuilder builder(17);
    builder.Input("x", {-1, -1, kWidth}).Output("y", {-1, -1, kWidth});
    builder.Initializer("w", {kWidth, kWidth}, RandomValues(kWidth * kWidth, 1));
    builder.Initializer("v", {kWidth, kWidth}, RandomValues(kWidth * kWidth, 2));
    builder.Initializer("g", {kWidth}, RandomValues(kWidth, 3));
    builder.Node("MatMul", {"x", "w"}, {"a"}, "first");
    builder.Node("LayerNormalization", {"a", "g", "g"}, {"n"});
    builder.Node("MatMul", {"n", "v"}, {"y"}, "second");
    builder.Save(folder_ / "fp32.onnx");
    const auto result = RunQuantizeInt8({(folder_ / "fp32.onnx").native(), (folder_ / "int8.onnx").native(),
                                         "--allow-growth", "--form", "per-token"});
    ASSERT_EQ(result.status, 0) << result.err;
  }

  // [batches, rows, kWidth]
  [[nodiscard]] std::vector<float> RunRows(std::span<const float> rows, Optimization optimization) const {
    const auto count = static_cast<std::int64_t>(rows.size()) / kWidth;
    const std::vector<float> values(rows.begin(), rows.end());
    const auto outputs =
        RunModel(folder_ / "int8.onnx", {FloatTensor({1, count, kWidth}, values)}, optimization);
    const auto floats = outputs.at(0).As<float>();
    return {floats.begin(), floats.end()};
  }

  // Rows of very different size; one has one sign, one is all zeros.
  [[nodiscard]] static std::vector<float> Rows() {
    std::vector<float> rows = RandomValues(kRows * kWidth, 7);
    for (std::int64_t i = 0; i < kWidth; ++i) {
      const auto at = [&](std::int64_t row) -> float& {
        return rows[static_cast<std::size_t>(row * kWidth + i)];
      };
      at(1) = std::abs(at(1)) * 1e4F + 50;
      at(2) *= 1e-5F;
      at(3) = 0;
    }
    return rows;
  }

  [[nodiscard]] static std::vector<float> RowOf(const std::vector<float>& rows, std::int64_t row) {
    const auto first = rows.begin() + row * kWidth;
    return {first, first + kWidth};
  }

  [[nodiscard]] static double Cosine(const std::vector<float>& a, const std::vector<float>& b) {
    double dot = 0, aa = 0, bb = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      dot += static_cast<double>(a[i]) * b[i];
      aa += static_cast<double>(a[i]) * a[i];
      bb += static_cast<double>(b[i]) * b[i];
    }
    return aa == 0 && bb == 0 ? 1 : dot / std::sqrt(aa * bb);
  }
};

TEST_F(Invariance, ARowAloneIsTheSameToTheBit) {
  const std::vector<float> rows = Rows();
  const std::vector<float> together = RunRows(rows, Optimization::kNone);
  const std::vector<float> optimized = RunRows(rows, Optimization::kAll);
  for (std::int64_t row = 0; row < kRows; ++row) {
    EXPECT_EQ(RunRows(RowOf(rows, row), Optimization::kNone), RowOf(together, row)) << row;
    EXPECT_GE(Cosine(RunRows(RowOf(rows, row), Optimization::kAll), RowOf(optimized, row)), 0.999999) << row;
  }
}

TEST_F(Invariance, PaddingChangesNothing) {
  const std::vector<float> rows = Rows();
  std::vector<float> padded = rows;
  padded.resize(rows.size() + 11 * kWidth, 1e6F);
  for (const auto optimization : kAllAndNoOptimizations) {
    const auto alone = RunRows(rows, optimization);
    const auto with_padding = RunRows(padded, optimization);
    for (std::int64_t row = 0; row < kRows; ++row) {
      if (optimization == Optimization::kNone) {
        EXPECT_EQ(RowOf(with_padding, row), RowOf(alone, row)) << row;
      } else {
        EXPECT_GE(Cosine(RowOf(with_padding, row), RowOf(alone, row)), 0.999999) << row;
      }
    }
  }
}

TEST_F(Invariance, ANaNStaysInItsRow) {
  const std::vector<float> rows = Rows();
  for (const float spoiled :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    std::vector<float> with_one = rows;
    with_one[kWidth + 3] = spoiled;
    for (const auto optimization : kAllAndNoOptimizations) {
      const auto clean = RunRows(rows, optimization);
      const auto beside = RunRows(with_one, optimization);
      for (const std::int64_t row : {0, 2, 3, 4}) EXPECT_EQ(RowOf(beside, row), RowOf(clean, row)) << row;
    }
  }
}

TEST_F(Invariance, NoRowsAtAll) {
  for (const auto optimization : kAllAndNoOptimizations) {
    const auto outputs = RunModel(folder_ / "int8.onnx", {FloatTensor({2, 0, kWidth}, {})}, optimization);
    EXPECT_EQ(outputs.at(0).shape, (std::vector<std::int64_t>{2, 0, kWidth}));
  }
}

// One scale for the whole activation does depend on the neighbours: what the form is for, and that the tests
// above can fail.
TEST_F(Invariance, PerTensorHasItNot) {
  const auto result = RunQuantizeInt8({(folder_ / "fp32.onnx").native(), (folder_ / "int8.onnx").native(),
                                       "--allow-growth", "--force", "--form", "per-tensor"});
  ASSERT_EQ(result.status, 0) << result.err;
  const std::vector<float> rows = Rows();
  EXPECT_NE(RunRows(RowOf(rows, 0), Optimization::kNone), RowOf(RunRows(rows, Optimization::kNone), 0));
}

class Float16 : public Operators {};

// Every kind of weight at once: the product of a Gemm, a table, and a weight behind a Transpose.
TEST_F(Float16, HalvesTheFileAtSeventyDecibel) {
  ModelBuilder builder(17);
  builder.Input("i", {3}, onnx::TensorProto::INT64).Output("y", {3, 64});
  builder.Initializer("table", {100, 64}, RandomValues(6400, 1))
      .Initializer("w", {64, 64}, RandomValues(4096, 2));
  builder.Initializer("v", {64, 64}, RandomValues(4096, 3)).Initializer("b", {64}, RandomValues(64, 4));
  builder.Node("Gather", {"table", "i"}, {"e"}, "embed");
  builder.Node("Transpose", {"v"}, {"turned"});
  builder.Node("MatMul", {"e", "turned"}, {"a"}, "product");
  SetInt(builder.Node("Gemm", {"a", "w", "b"}, {"y"}, "gemm"), "transB", 1);
  builder.Save(folder_ / "fp32.onnx");
  const auto result = RunQuantizeInt8({(folder_ / "fp32.onnx").native(), (folder_ / "int8.onnx").native(),
                                       "--form", "float16", "--external-data", "never"});
  ASSERT_EQ(result.status, 0) << result.err;
  const auto fp32_bytes = std::filesystem::file_size(folder_ / "fp32.onnx");
  EXPECT_LT(std::filesystem::file_size(folder_ / "int8.onnx"), 0.55 * static_cast<double>(fp32_bytes));
  ExpectSqnr(RunBoth({Int64Tensor({3}, {7, 0, 99})}), 65);
  // Rounding to 11 bits: verify says how far off each weight is, and none is exact.
  const auto verified = RunQuantizeInt8(
      {"verify", (folder_ / "int8.onnx").native(), "--against", (folder_ / "fp32.onnx").native()});
  EXPECT_EQ(verified.status, 0) << verified.out;
  EXPECT_THAT(verified.out, ::testing::HasSubstr("[100, 64]"));
  EXPECT_THAT(verified.out, ::testing::Not(::testing::HasSubstr("inf")));
}

// What float16 cannot hold stays as it is.
TEST_F(Float16, AWeightWithALargeNumberStays) {
  ModelBuilder builder(17);
  builder.Input("x", {2, 64}).Output("y", {2, 64});
  std::vector<float> values = RandomValues(4096, 1);
  values[77] = 65520;
  builder.Initializer("w", {64, 64}, values).Initializer("v", {64, 64}, RandomValues(4096, 2));
  builder.Node("MatMul", {"x", "w"}, {"a"}, "large");
  builder.Node("MatMul", {"a", "v"}, {"y"}, "small");
  builder.Save(folder_ / "fp32.onnx");
  const auto result = RunQuantizeInt8(
      {(folder_ / "fp32.onnx").native(), (folder_ / "int8.onnx").native(), "--form", "float16"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.err, ::testing::HasSubstr("a number beyond 65504: 'w' stays as it is"));
  ExpectSqnr(RunBoth({FloatTensor({2, 64}, RandomValues(128, 3))}), 60);
}

class Blockwise : public Operators {
 protected:
  void ExpectFidelity(ModelBuilder& builder, const runtime::Tensor& x, const std::string& block,
                      double decibel) {
    builder.Save(folder_ / "fp32.onnx");
    const auto result = RunQuantizeInt8({(folder_ / "fp32.onnx").native(), (folder_ / "int8.onnx").native(),
                                         "--force", "--form", "blockwise-" + block});
    ASSERT_EQ(result.status, 0) << result.err;
    EXPECT_TRUE(OptimizedOperators(folder_ / "int8.onnx").contains("MatMulNBits"));
    ExpectSqnr(RunBoth({x}), decibel);
    const auto verified = RunQuantizeInt8(
        {"verify", (folder_ / "int8.onnx").native(), "--against", (folder_ / "fp32.onnx").native()});
    EXPECT_EQ(verified.status, 0) << verified.out;
  }
};

// Weights by columns and by rows, with factors, a bias and blocks of every size.
TEST_F(Blockwise, EveryBlockSizeBothWaysRound) {
  constexpr std::int64_t kK = 512, kN = 80;
  for (const char* block : {"16", "32", "64", "128", "256"}) {
    ModelBuilder builder(17);
    builder.Input("x", {3, kK}).Output("y", {3, kN});
    builder.Initializer("w", {kK, kK}, RandomValues(kK * kK, 1))
        .Initializer("v", {kN, kK}, RandomValues(kN * kK, 2));
    builder.Initializer("b", {kN}, RandomValues(kN, 3));
    builder.Node("MatMul", {"x", "w"}, {"a"}, "columns");
    auto& gemm = builder.Node("Gemm", {"a", "v", "b"}, {"y"}, "rows");
    SetInt(gemm, "transB", 1);
    SetFloat(gemm, "alpha", -0.5F);
    ExpectFidelity(builder, FloatTensor({3, kK}, RandomValues(3 * kK, 4)), block, 35);
  }
}

// Groups of blocks that take more than one tile of 1 MiB: 256 rows of 2,048 columns of float32.
TEST_F(Blockwise, BlocksLargerThanATile) {
  constexpr std::int64_t kK = 512, kN = 2048;
  ModelBuilder builder(17);
  builder.Input("x", {2, kK}).Output("y", {2, kN});
  builder.Initializer("w", {kK, kN}, RandomValues(kK * kN, 1)).Node("MatMul", {"x", "w"}, {"y"}, "product");
  ExpectFidelity(builder, FloatTensor({2, kK}, RandomValues(2 * kK, 2)), "256", 38);
}

}  // namespace
}  // namespace qi8::testing
