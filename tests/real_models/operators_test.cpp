// Every form of every operator, FP32 against INT8 on ONNX Runtime, within the bound that the scales give.

#include "real_models/operators.hpp"

#include <array>
#include <numeric>

namespace qi8::testing {
namespace {

TEST_F(Operators, MatMul) {
  constexpr std::int64_t kM = 6, kK = 40, kN = 24;
  const auto w = RandomValues(kK * kN, 1, 0.1F);
  const auto x = RandomValues(kM * kK, 2);
  ModelBuilder builder;
  builder.Input("x", {-1, kK}).Output("y", {-1, kN}).Initializer("w", {kK, kN}, w);
  builder.Node("MatMul", {"x", "w"}, {"y"});
  ExpectWithin(Run(builder, {FloatTensor({kM, kK}, x)}),
               ProductBound(Matrix(x, kM, kK), Matrix(w, kK, kN)).cast<float>());
  EXPECT_EQ(Fused(), 1);
}

TEST_F(Operators, MatMulOfABatchAndItsBias) {
  constexpr std::int64_t kB = 3, kM = 5, kK = 32, kN = 16;
  const auto w = RandomValues(kK * kN, 1, 0.1F);
  const auto x = RandomValues(kB * kM * kK, 2);
  ModelBuilder builder;
  builder.Input("x", {-1, -1, kK}).Output("y", {-1, -1, kN});
  builder.Initializer("w", {kK, kN}, w).Initializer("bias", {kN}, RandomValues(kN, 3));
  builder.Node("MatMul", {"x", "w"}, {"product"});
  builder.Node("Add", {"product", "bias"}, {"y"});
  ExpectWithin(Run(builder, {FloatTensor({kB, kM, kK}, x)}),
               ProductBound(Matrix(x, kB * kM, kK), Matrix(w, kK, kN)).cast<float>());
  EXPECT_EQ(Fused(), 1);
}

// A batch of weights, each with its own scales: what the runtime's own tool writes for it crashes when it is
// run.
class BatchedWeights : public Operators, public ::testing::WithParamInterface<Dims> {};

TEST_P(BatchedWeights, MatMul) {
  constexpr std::int64_t kM = 5, kK = 24, kN = 16;
  Dims w_dims = GetParam();
  Dims x_dims = GetParam();
  Dims y_dims = GetParam();
  std::int64_t batch = 1;
  for (const auto dim : GetParam()) batch *= dim;
  w_dims.insert(w_dims.end(), {kK, kN});
  x_dims.insert(x_dims.end(), {kM, kK});
  y_dims.insert(y_dims.end(), {kM, kN});
  auto w = RandomValues(static_cast<std::size_t>(batch * kK * kN), 1, 0.1F);
  for (std::size_t i = 0; i < w.size() / 2; ++i)
    w[i] *= 30;  // the matrices are far apart, so one scale would not do
  const auto x = RandomValues(static_cast<std::size_t>(batch * kM * kK), 2);
  ModelBuilder builder;
  builder.Input("x", x_dims).Output("y", y_dims).Initializer("w", w_dims, w);
  builder.Node("MatMul", {"x", "w"}, {"y"});
  const RowMajor all_x = Matrix(x, batch * kM, kK);
  RowMajor bound(batch * kM, kN);
  for (std::int64_t d = 0; d < batch; ++d) {
    // The activation has one scale for all of the batch, so the bound has its extremes in every part.
    RowMajor part(kM + 1, kK);
    part.topRows(kM) = all_x.middleRows(d * kM, kM);
    part.row(kM).setZero();
    part(kM, 0) = all_x.maxCoeff();
    part(kM, 1) = all_x.minCoeff();
    const RowMajor matrix = Matrix(w, batch * kK, kN).middleRows(d * kK, kK);
    bound.middleRows(d * kM, kM) = ProductBound(part, matrix).topRows(kM).cast<float>();
  }
  ExpectWithin(Run(builder, {FloatTensor(x_dims, x)}), bound);
  EXPECT_EQ(Fused(), 1);
}

INSTANTIATE_TEST_SUITE_P(Ranks, BatchedWeights, ::testing::Values(Dims{2}, Dims{3}, Dims{2, 3}, Dims{1}));

// A vector times a batch of matrices: the result has a dimension less, and the scales must not bring it back.
class VectorTimesBatch : public BatchedWeights {
 protected:
  void Build(ModelBuilder& builder) {
    for (const auto dim : GetParam()) batch_ *= dim;
    Dims w_dims = GetParam();
    w_dims.insert(w_dims.end(), {kK, kN});
    w_ = RandomValues(static_cast<std::size_t>(batch_ * kK * kN), 1, 0.1F);
    for (std::size_t i = 0; i < w_.size() / 2; ++i) w_[i] *= 30;
    builder.Initializer("w", w_dims, w_);
    y_dims_ = GetParam();
    y_dims_.push_back(kN);
  }

  // Of rows times each matrix, in the order of the result where there is one row.
  [[nodiscard]] RowMajor BoundOf(const std::vector<float>& x) const {
    const RowMajor rows = Matrix(x, static_cast<std::int64_t>(x.size()) / kK, kK);
    RowMajor bound(batch_ * rows.rows(), kN);
    for (Eigen::Index d = 0; d < batch_; ++d) {
      bound.middleRows(d * rows.rows(), rows.rows()) =
          ProductBound(rows, Matrix(w_, batch_ * kK, kN).middleRows(d * kK, kK)).cast<float>();
    }
    return bound;
  }

  static constexpr std::int64_t kM = 5, kK = 24, kN = 16;
  std::vector<float> w_;
  std::int64_t batch_ = 1;
  Dims y_dims_;
};

TEST_P(VectorTimesBatch, OfKnownRank) {
  ModelBuilder builder;
  Build(builder);
  builder.Input("x", {kK}).Output("y", y_dims_).Node("MatMul", {"x", "w"}, {"y"});
  const auto x = RandomValues(kK, 2);
  ExpectWithin(Run(builder, {FloatTensor({kK}, x)}), BoundOf(x));
  EXPECT_EQ(Fused(), 1);
}

TEST_P(VectorTimesBatch, OfARankThatShowsWhenItRuns) {
  ModelBuilder builder;
  Build(builder);
  builder.Input("x", {}).Output("y", {}).Node("MatMul", {"x", "w"}, {"y"});
  for (auto* value : {builder.graph().mutable_input(0), builder.graph().mutable_output(0)}) {
    value->mutable_type()->mutable_tensor_type()->clear_shape();
  }
  const auto x = RandomValues(kM * kK, 2);
  const std::vector<float> row(x.begin(), x.begin() + kK);
  ExpectWithin(Run(builder, {FloatTensor({kK}, row)}), BoundOf(row));
  ExpectWithin(RunBoth({FloatTensor({kM, kK}, x)}), BoundOf(x));
  EXPECT_EQ(Fused(), 1);
}

// The runtime warns of a wrong declaration, and runs the model all the same.
TEST_P(VectorTimesBatch, OfARankThatIsDeclaredWrongly) {
  ModelBuilder builder;
  Build(builder);
  builder.Input("x", {kK}).Output("y", y_dims_).Node("Neg", {"x"}, {"minus_x"});
  builder.Node("MatMul", {"minus_x", "w"}, {"y"});
  ModelBuilder wrong;
  wrong.Input("minus_x", {1, kK});
  *builder.graph().add_value_info() = wrong.graph().input(0);
  const auto x = RandomValues(kK, 2);
  std::vector<float> minus_x = x;
  for (float& value : minus_x) value = -value;
  ExpectWithin(Run(builder, {FloatTensor({kK}, x)}), BoundOf(minus_x));
}

INSTANTIATE_TEST_SUITE_P(Ranks, VectorTimesBatch,
                         ::testing::Values(Dims{2}, Dims{5}, Dims{2, 3}, Dims{2, 1, 3}, Dims{1}));

struct GemmCase {
  float alpha, beta;
  bool transpose_a, transpose_b;
  enum class C { kNone, kScalar, kRow, kColumn, kFull, kInput } c;
};

class GemmForms : public Operators, public ::testing::WithParamInterface<GemmCase> {};

TEST_P(GemmForms, Gemm) {
  const GemmCase& form = GetParam();
  constexpr std::int64_t kM = 7, kK = 33, kN = 18;
  const auto w = RandomValues(kK * kN, 1, 0.1F);
  const auto x = RandomValues(kM * kK, 2);
  ModelBuilder builder;
  const Dims a_dims = form.transpose_a ? Dims{kK, kM} : Dims{kM, kK};
  const Dims b_dims = form.transpose_b ? Dims{kN, kK} : Dims{kK, kN};
  builder.Input("a", a_dims).Output("y", {kM, kN}).Initializer("b", b_dims, w);
  std::vector<std::string> inputs = {"a", "b"};
  std::vector<runtime::Tensor> values = {FloatTensor(a_dims, x)};
  const auto add_c = [&](const Dims& dims) {
    const auto count = std::accumulate(dims.begin(), dims.end(), std::int64_t{1}, std::multiplies<>());
    const auto c = RandomValues(static_cast<std::size_t>(count), 3);
    inputs.emplace_back("c");
    if (form.c == GemmCase::C::kInput) {
      builder.Input("c", dims);
      values.push_back(FloatTensor(dims, c));
    } else {
      builder.Initializer("c", dims, c);
    }
  };
  switch (form.c) {
    case GemmCase::C::kNone:
      break;
    case GemmCase::C::kScalar:
      add_c({});
      break;
    case GemmCase::C::kRow:
      add_c({kN});
      break;
    case GemmCase::C::kColumn:
      add_c({kM, 1});
      break;
    default:
      add_c({kM, kN});
  }
  auto& gemm = builder.Node("Gemm", inputs, {"y"});
  if (form.alpha != 1) SetFloat(gemm, "alpha", form.alpha);
  if (form.beta != 1) SetFloat(gemm, "beta", form.beta);
  if (form.transpose_a) SetInt(gemm, "transA", 1);
  if (form.transpose_b) SetInt(gemm, "transB", 1);

  const auto transposed = [](const RowMajor& matrix) { return RowMajor(matrix.transpose()); };
  const RowMajor a = form.transpose_a ? transposed(Matrix(x, kK, kM)) : Matrix(x, kM, kK);
  const RowMajor b = form.transpose_b ? transposed(Matrix(w, kN, kK)) : Matrix(w, kK, kN);
  const RowMajor bound =
      (std::abs(static_cast<double>(form.alpha)) * ProductBound(a, b)).array().cast<float>() + 1e-5F;
  ExpectWithin(Run(builder, values), bound);
  EXPECT_EQ(Fused(), 1);
}

[[nodiscard]] std::vector<GemmCase> AllGemmForms() {
  using C = GemmCase::C;
  std::vector<GemmCase> forms;
  for (const float alpha : {1.0F, -0.5F}) {
    for (const float beta : {1.0F, 2.5F, 0.0F}) {
      for (const bool transpose_a : {false, true}) {
        for (const bool transpose_b : {false, true}) {
          for (const C c : {C::kNone, C::kScalar, C::kRow, C::kColumn, C::kFull, C::kInput}) {
            forms.push_back({alpha, beta, transpose_a, transpose_b, c});
          }
        }
      }
    }
  }
  return forms;
}

[[nodiscard]] std::string FormName(const ::testing::TestParamInfo<GemmCase>& form) {
  constexpr std::array<const char*, 6> kC = {"NoC", "ScalarC", "RowC", "ColumnC", "FullC", "InputC"};
  const GemmCase& gemm = form.param;
  return std::string(gemm.alpha != 1 ? "Alpha" : "") +
         (gemm.beta == 1   ? ""
          : gemm.beta == 0 ? "Beta0"
                           : "Beta") +
         (gemm.transpose_a ? "TransA" : "") + (gemm.transpose_b ? "TransB" : "") +
         kC.at(static_cast<std::size_t>(gemm.c));
}

INSTANTIATE_TEST_SUITE_P(All, GemmForms, ::testing::ValuesIn(AllGemmForms()), FormName);

// Rows of the table are off by at most half a step of their scale.
TEST_F(Operators, GatherOfRows) {
  constexpr std::int64_t kRows = 50, kWidth = 24;
  const auto table = RandomValues(kRows * kWidth, 1);
  ModelBuilder builder;
  builder.Input("i", {-1, -1}, onnx::TensorProto::INT64).Output("y", {-1, -1, kWidth});
  builder.Initializer("table", {kRows, kWidth}, table);
  builder.Node("Gather", {"table", "i"}, {"y"});
  const std::vector<std::int64_t> indices = {0, 49, 7, -1, 7, -50};
  RowMajor bound(6, kWidth);
  for (Eigen::Index r = 0; r < 6; ++r) {
    const std::int64_t row = (indices[static_cast<std::size_t>(r)] + kRows) % kRows;
    bound.row(r).setConstant(Matrix(table, kRows, kWidth).row(row).cwiseAbs().maxCoeff() / 254 * 1.0001F);
  }
  ExpectWithin(Run(builder, {Int64Tensor({2, 3}, indices)}), bound);
}

TEST_F(Operators, GatherOfColumns) {
  constexpr std::int64_t kRows = 20, kWidth = 30;
  const auto table = RandomValues(kRows * kWidth, 1);
  ModelBuilder builder;
  builder.Input("i", {-1}, onnx::TensorProto::INT64).Output("y", {kRows, -1});
  builder.Initializer("table", {kRows, kWidth}, table);
  SetInt(builder.Node("Gather", {"table", "i"}, {"y"}), "axis", -1);
  const std::vector<std::int64_t> indices = {3, 0, 29, 29};
  RowMajor bound(kRows, 4);
  for (Eigen::Index c = 0; c < 4; ++c) {
    const RowMajor column = Matrix(table, kRows, kWidth).col(indices[static_cast<std::size_t>(c)]);
    bound.col(c).setConstant(column.cwiseAbs().maxCoeff() / 254 * 1.0001F);
  }
  ExpectWithin(Run(builder, {Int64Tensor({4}, indices)}), bound);
}

TEST_F(Operators, GatherOfOneRowFromATableOfRank3) {
  constexpr std::int64_t kA = 4, kB = 5, kC = 6;
  const auto table = RandomValues(kA * kB * kC, 1);
  ModelBuilder builder;
  builder.Input("i", {}, onnx::TensorProto::INT64).Output("y", {kA, kC});
  builder.Initializer("table", {kA, kB, kC}, table);
  SetInt(builder.Node("Gather", {"table", "i"}, {"y"}), "axis", 1);
  RowMajor bound(kA, kC);
  for (Eigen::Index a = 0; a < kA; ++a) {
    const RowMajor row = Matrix(table, kA * kB, kC).row(a * kB + 2);
    bound.row(a).setConstant(row.cwiseAbs().maxCoeff() / 254 * 1.0001F);
  }
  ExpectWithin(Run(builder, {Int64Tensor({}, {2})}), bound);
}

// Two Gemms of one weight, one transposed: what the runtime's own tool gets wrong without a word.
TEST_F(Operators, TwoGemmsOfOneWeight) {
  constexpr std::int64_t kM = 5, kK = 32;
  const auto w = RandomValues(kK * kK, 1, 0.1F);
  const auto x = RandomValues(kM * kK, 2);
  ModelBuilder builder;
  builder.Input("x", {kM, kK}).Output("y", {2 * kM, kK}).Initializer("w", {kK, kK}, w);
  builder.Node("Gemm", {"x", "w"}, {"plain"});
  SetInt(builder.Node("Gemm", {"x", "w"}, {"turned"}), "transB", 1);
  builder.Node("Concat", {"plain", "turned"}, {"y"}).add_attribute()->set_name("axis");
  auto& axis = *builder.graph().mutable_node(2)->mutable_attribute(0);
  axis.set_type(onnx::AttributeProto::INT);
  axis.set_i(0);
  RowMajor bound(2 * kM, kK);
  bound << ProductBound(Matrix(x, kM, kK), Matrix(w, kK, kK)).cast<float>(),
      ProductBound(Matrix(x, kM, kK), Matrix(w, kK, kK).transpose()).cast<float>();
  ExpectWithin(Run(builder, {FloatTensor({kM, kK}, x)}), bound);
  EXPECT_EQ(Fused(), 2);
}

}  // namespace
}  // namespace qi8::testing
