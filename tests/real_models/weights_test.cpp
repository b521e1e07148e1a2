// Weights wherever and however real models have them, FP32 against INT8 on ONNX Runtime.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>
#include <set>

#include "real_models/operators.hpp"

namespace qi8::testing {
namespace {

constexpr std::int64_t kM = 6, kK = 40, kN = 24;

[[nodiscard]] std::vector<float> Transposed(const std::vector<float>& values, std::int64_t rows,
                                            std::int64_t columns) {
  const RowMajor turned = Matrix(values, rows, columns).transpose();
  return {turned.data(), turned.data() + turned.size()};
}

[[nodiscard]] std::uint16_t HalfBits(float value) { return Eigen::half(value).x; }
[[nodiscard]] std::uint16_t BfloatBits(float value) { return Eigen::bfloat16(value).value; }

// Stores the initializer's numbers in another type; what they become as float32.
[[nodiscard]] std::vector<float> StoreAs(onnx::TensorProto& tensor, std::int32_t type,
                                         const std::vector<float>& values) {
  std::vector<float> rounded;
  std::string bytes;
  const auto append = [&bytes](const auto& number) {
    bytes.append(reinterpret_cast<const char*>(&number), sizeof(number));
  };
  for (const float value : values) {
    if (type == onnx::TensorProto::DOUBLE) {
      append(static_cast<double>(value));
      rounded.push_back(value);
    } else if (type == onnx::TensorProto::FLOAT16) {
      append(HalfBits(value));
      rounded.push_back(static_cast<float>(Eigen::half(value)));
    } else {
      append(BfloatBits(value));
      rounded.push_back(static_cast<float>(Eigen::bfloat16(value)));
    }
  }
  tensor.set_data_type(type);
  tensor.clear_float_data();
  tensor.set_raw_data(bytes);
  return rounded;
}

// y = x * w with w [K, N], which `add_weight` defines from `values_` in one way or another.
class Weights : public Operators {
 protected:
  void ExpectProduct(ModelBuilder& builder, int fused = 1, const std::vector<std::string>& options = {}) {
    builder.Input("x", {-1, kK}).Output("y", {-1, kN});
    builder.Node("MatMul", {"x", "w"}, {"y"}, "product");
    ExpectWithin(Run(builder, {FloatTensor({kM, kK}, x_)}, options), Bound());
    EXPECT_EQ(Fused(), fused);
    // Nothing is left of the weight in floating point, nor of what led to it.
    std::int64_t floats = 0;
    const auto model = ParseModel(folder_ / "int8.onnx");
    for (const auto& tensor : model.graph().initializer()) {
      std::int64_t elements = 1;
      for (const auto dim : tensor.dims()) elements *= dim;
      if (tensor.data_type() != onnx::TensorProto::INT8) floats += elements;
    }
    EXPECT_LE(floats, kN + 8);
    for (const auto& node : model.graph().node()) EXPECT_NE(node.op_type(), "Constant");
  }

  [[nodiscard]] RowMajor Bound() const {
    return ProductBound(Matrix(x_, kM, kK), Matrix(values_, kK, kN)).cast<float>();
  }

  std::vector<float> values_ = RandomValues(kK * kN, 1, 0.1F);
  std::vector<float> x_ = RandomValues(kM * kK, 2);
};

// ---- Behind operators that only show a constant in another way

TEST_F(Weights, BehindIdentity) {
  ModelBuilder builder;
  builder.Initializer("stored", {kK, kN}, values_).Node("Identity", {"stored"}, {"same"});
  builder.Node("Identity", {"same"}, {"w"});
  ExpectProduct(builder);
}

TEST_F(Weights, BehindTranspose) {
  ModelBuilder builder;
  builder.Initializer("stored", {kN, kK}, Transposed(values_, kK, kN)).Node("Transpose", {"stored"}, {"w"});
  ExpectProduct(builder);
}

TEST_F(Weights, BehindTransposesThatCancelOut) {
  ModelBuilder builder;
  builder.Initializer("stored", {kK, kN}, values_).Node("Transpose", {"stored"}, {"turned"});
  SetInts(builder.Node("Transpose", {"turned"}, {"w"}), "perm", {1, 0});
  ExpectProduct(builder);
}

TEST_F(Weights, BehindReshape) {
  ModelBuilder builder;
  builder.Initializer("stored", {kK * kN / 8, 2, 4}, values_).Int64Initializer("shape", {2}, {-1, kN});
  builder.Node("Reshape", {"stored", "shape"}, {"w"});
  ExpectProduct(builder);
}

TEST_F(Weights, BehindFlatten) {
  ModelBuilder builder;
  builder.Initializer("stored", {kK, 2, kN / 2}, values_).Node("Flatten", {"stored"}, {"w"});
  ExpectProduct(builder);
}

TEST_F(Weights, BehindSqueezeAndUnsqueeze) {
  ModelBuilder builder;
  builder.Initializer("stored", {1, kK, 1, kN}, values_);
  builder.Int64Initializer("zero", {1}, {0}).Int64Initializer("ends", {2}, {0, 2});
  builder.Node("Squeeze", {"stored", "ends"}, {"two"});
  builder.Node("Unsqueeze", {"two", "zero"}, {"three"});
  builder.Node("Squeeze", {"three", "zero"}, {"w"});
  ExpectProduct(builder);
}

TEST_F(Weights, BehindSqueezeAndUnsqueezeOfOpset11) {
  ModelBuilder builder(11);
  builder.Initializer("stored", {1, kK, 1, kN}, values_);
  SetInts(builder.Node("Squeeze", {"stored"}, {"two"}), "axes", {0, 2});
  SetInts(builder.Node("Unsqueeze", {"two"}, {"three"}), "axes", {0});
  SetInts(builder.Node("Squeeze", {"three"}, {"w"}), "axes", {0});
  ExpectProduct(builder);
}

TEST_F(Weights, BehindEverythingAtOnce) {
  ModelBuilder builder;
  auto& constant = builder.Node("Constant", {}, {"stored"});
  SetTensor(constant, "value", {kN, 2, kK / 2}, Transposed(values_, kK, kN));
  values_ = StoreAs(*constant.mutable_attribute(0)->mutable_t(), onnx::TensorProto::FLOAT16,
                    Transposed(values_, kK, kN));
  values_ = Transposed(values_, kN, kK);
  SetInt(builder.Node("Cast", {"stored"}, {"real"}), "to", onnx::TensorProto::FLOAT);
  builder.Node("Flatten", {"real"}, {"flat"});
  builder.Node("Identity", {"flat"}, {"same"});
  SetInts(builder.Node("Transpose", {"same"}, {"w"}), "perm", {1, 0});
  ExpectProduct(builder);
}

// What a view cannot show without moving elements stays as it is, and says why.
TEST_F(Weights, BehindAReshapeOfATranspose) {
  ModelBuilder builder;
  builder.Initializer("stored", {kK, kN}, values_).Node("Transpose", {"stored"}, {"turned"});
  builder.Int64Initializer("shape", {2}, {kK, kN}).Node("Reshape", {"turned", "shape"}, {"w"});
  builder.Input("x", {-1, kK}).Output("y", {-1, kN}).Node("MatMul", {"x", "w"}, {"y"});
  builder.Save(folder_ / "fp32.onnx");
  const auto result = RunQuantizeInt8({(folder_ / "fp32.onnx").native(), (folder_ / "int8.onnx").native()});
  EXPECT_EQ(result.status, 3);
  EXPECT_NE(result.err.find("behind a Reshape that cannot be folded"), std::string::npos) << result.err;
}

// ---- Where they are stored

TEST_F(Weights, InEveryFormOfStorage) {
  for (const Storage storage :
       {Storage::kRawData, Storage::kFloatData, Storage::kUnpackedFloatData, Storage::kExternal}) {
    ModelBuilder builder;
    builder.Initializer("w", {kK, kN}, values_, storage);
    ExpectProduct(builder);
  }
}

TEST_F(Weights, InAConstantNode) {
  ModelBuilder builder;
  SetTensor(builder.Node("Constant", {}, {"w"}), "value", {kK, kN}, values_);
  ExpectProduct(builder);
}

TEST_F(Weights, InTheFloatsOfAConstantNode) {
  ModelBuilder builder;
  auto& floats = *builder.Node("Constant", {}, {"stored"}).add_attribute();
  floats.set_name("value_floats");
  floats.set_type(onnx::AttributeProto::FLOATS);
  for (const float value : values_) floats.add_floats(value);
  builder.Int64Initializer("shape", {2}, {kK, kN}).Node("Reshape", {"stored", "shape"}, {"w"});
  ExpectProduct(builder);
}

TEST_F(Weights, ThatAreGraphInputsTooWhereAsked) {
  for (const std::int64_t ir_version : {4, 8}) {
    ModelBuilder builder(ir_version == 4 ? 9 : 17, ir_version);
    builder.Input("w", {kK, kN}).Initializer("w", {kK, kN}, values_);
    builder.Input("x", {-1, kK}).Output("y", {-1, kN}).Node("MatMul", {"x", "w"}, {"y"}, "product");
    builder.Save(folder_ / "fp32.onnx");
    const auto kept = RunQuantizeInt8({(folder_ / "fp32.onnx").native(), (folder_ / "kept.onnx").native()});
    EXPECT_EQ(kept.status, 3);
    EXPECT_NE(kept.err.find("--override-inputs"), std::string::npos) << kept.err;

    const auto result = RunQuantizeInt8(
        {(folder_ / "fp32.onnx").native(), (folder_ / "int8.onnx").native(), "--override-inputs", "--force"});
    ASSERT_EQ(result.status, 0) << result.err;
    ExpectWithin(RunBoth({FloatTensor({kM, kK}, x_)}), Bound());
  }
}

// Until IR version 4 every initializer is an input too, and the runtime lets nobody replace one. So it is
// with those that we write.
TEST_F(Weights, ThatAreGraphInputsOfIr3) {
  ModelBuilder builder(8, 3);
  builder.Input("w", {kK, kN}).Initializer("w", {kK, kN}, values_);
  builder.Input("b", {kN}).Initializer("b", {kN}, RandomValues(kN, 9));
  builder.Input("x", {-1, kK}).Output("y", {-1, kN}).Node("Gemm", {"x", "w", "b"}, {"y"}, "product");
  ExpectWithin(Run(builder, {FloatTensor({kM, kK}, x_)}), Bound().array() + 1e-5F);
  EXPECT_EQ(Fused(), 1);
  const auto model = ParseModel(folder_ / "int8.onnx");
  EXPECT_EQ(model.ir_version(), 3);
  std::set<std::string> inputs, initializers = {"x"};
  for (const auto& input : model.graph().input()) EXPECT_TRUE(inputs.insert(input.name()).second);
  for (const auto& tensor : model.graph().initializer()) initializers.insert(tensor.name());
  EXPECT_EQ(inputs, initializers);
  const auto session = OpenExactly(folder_ / "int8.onnx");
  ASSERT_EQ(session.inputs().size(), 1U);
  EXPECT_EQ(session.inputs()[0].name, "x");
}

// The runtime loads such a model with a warning.
TEST_F(Weights, ThatAreDefinedTwice) {
  for (const std::int64_t ir_version : {3, 8}) {
    ModelBuilder builder;
    builder.model().set_ir_version(ir_version);
    if (ir_version < 4) builder.Input("w", {kK, kN});
    builder.Initializer("w", {kK, kN}, values_).Initializer("w", {kK, kN}, values_);
    ExpectProduct(builder);
  }
}

// The last of small ones counts, and of those outside of the model.
TEST_F(Weights, ThatAreDefinedTwiceAreTheLast) {
  ModelBuilder builder;
  builder.Initializer("w", {kK, kN}, RandomValues(kK * kN, 77), Storage::kExternal);
  builder.Initializer("w", {kK, kN}, values_, Storage::kExternal);
  for (const float bias : {3.0F, 0.0F}) {
    builder.Initializer("b", {kN}, std::vector<float>(kN, bias));
  }
  builder.Input("x", {-1, kK}).Output("y", {-1, kN});
  builder.Node("Gemm", {"x", "w", "b"}, {"y"}, "product");
  ExpectWithin(Run(builder, {FloatTensor({kM, kK}, x_)}), Bound());
}

TEST_F(Weights, ThatAreNotFiniteAreKept) {
  ModelBuilder builder;
  auto bad = RandomValues(kN * 300 * 300);  // more than a tile, and the NaN at its end
  bad.back() = std::nanf("");
  builder.Input("x", {-1, kK}).Output("y", {-1, kN}).Output("z", {-1, 300 * 300});
  builder.Initializer("w", {kK, kN}, values_).Initializer("bad", {kN, 300 * 300}, bad, Storage::kExternal);
  builder.Node("MatMul", {"x", "w"}, {"y"}, "good");
  builder.Node("MatMul", {"y", "bad"}, {"z"}, "worse");
  ExpectWithin(Run(builder, {FloatTensor({kM, kK}, x_)}), Bound());
  EXPECT_EQ(Fused(), 1);
}

// As a published transformer has it: the row of the embedding that stands for padding is -inf. Rows of words
// are exact, products are quantized, and nothing becomes a NaN.
TEST_F(Weights, OfAnEmbeddingWhosePaddingRowIsNegativeInfinity) {
  constexpr std::int64_t kRows = 50;
  auto table = RandomValues(kRows * kK, 3);
  for (std::size_t i = 0; i < kK; ++i) table[i] = -HUGE_VALF;
  ModelBuilder builder;
  builder.Input("ids", {-1}, onnx::TensorProto::INT64).Output("y", {-1, kN});
  builder.Initializer("table", {kRows, kK}, table, Storage::kExternal).Initializer("w", {kK, kN}, values_);
  builder.Node("Gather", {"table", "ids"}, {"x"}, "embed");
  builder.Node("MatMul", {"x", "w"}, {"y"}, "product");
  const std::vector<std::int64_t> ids = {3, 49, 1};
  RowMajor rows(3, kK);
  for (Eigen::Index r = 0; r < 3; ++r)
    rows.row(r) = Matrix(table, kRows, kK).row(ids[static_cast<std::size_t>(r)]);
  ExpectWithin(Run(builder, {Int64Tensor({3}, ids)}),
               ProductBound(rows, Matrix(values_, kK, kN)).cast<float>());
  EXPECT_EQ(Fused(), 1);
  const auto model = ParseModel(folder_ / "int8.onnx");
  EXPECT_TRUE(std::ranges::any_of(model.graph().initializer(),
                                  [](const auto& tensor) { return tensor.name() == "table"; }));
}

// ---- In other types; the graph keeps its own.

class WeightTypes : public Weights, public ::testing::WithParamInterface<std::int32_t> {
 protected:
  // How far two results of that type may be apart though they are the same.
  [[nodiscard]] static float Rounding() {
    return GetParam() == onnx::TensorProto::DOUBLE    ? 1e-6F
           : GetParam() == onnx::TensorProto::FLOAT16 ? 1.0F / 512
                                                      : 1.0F / 64;
  }
  [[nodiscard]] RowMajor RoundedBound(const RowMajor& bound, const RowMajor& sums) const {
    return (bound + Rounding() * sums).array() + 1e-4F;
  }
};

TEST_P(WeightTypes, Cast) {
  ModelBuilder builder;
  builder.Initializer("stored", {kK, kN}, values_);
  values_ = StoreAs(*builder.graph().mutable_initializer(0), GetParam(), values_);
  SetInt(builder.Node("Cast", {"stored"}, {"w"}), "to", onnx::TensorProto::FLOAT);
  ExpectProduct(builder);
}

TEST_P(WeightTypes, MatMulAndGemmAndGather) {
  if (GetParam() == onnx::TensorProto::BFLOAT16) return;  // no products of these on a CPU: see Cast
  for (const std::string op : {"MatMul", "Gemm"}) {
    ModelBuilder builder;
    builder.Input("real", {kM, kK}).Output("y", {kM, kN});
    builder.Initializer("w", {kK, kN}, values_);
    const auto rounded = StoreAs(*builder.graph().mutable_initializer(0), GetParam(), values_);
    SetInt(builder.Node("Cast", {"real"}, {"x"}), "to", GetParam());
    builder.Node(op, {"x", "w"}, {"z"}, "product");
    SetInt(builder.Node("Cast", {"z"}, {"y"}), "to", onnx::TensorProto::FLOAT);
    const RowMajor x = Matrix(x_, kM, kK);
    const RowMajor w = Matrix(rounded, kK, kN);
    ExpectWithin(
        Run(builder, {FloatTensor({kM, kK}, x_)}),
        RoundedBound(ProductBound(x * 1.001F, w * 1.001F).cast<float>(), x.cwiseAbs() * w.cwiseAbs()));
    EXPECT_EQ(Fused(), 1) << op;
  }
  ModelBuilder builder;
  builder.Input("i", {-1}, onnx::TensorProto::INT64).Output("y", {-1, kN});
  builder.Initializer("table", {kK, kN}, values_);
  const auto rounded = StoreAs(*builder.graph().mutable_initializer(0), GetParam(), values_);
  builder.Node("Gather", {"table", "i"}, {"rows"});
  SetInt(builder.Node("Cast", {"rows"}, {"y"}), "to", onnx::TensorProto::FLOAT);
  RowMajor bound(2, kN);
  const RowMajor table = Matrix(rounded, kK, kN);
  const std::array<Eigen::Index, 2> rows = {7, 0};
  for (Eigen::Index r = 0; r < 2; ++r) {
    const float largest = table.row(rows[static_cast<std::size_t>(r)]).cwiseAbs().maxCoeff();
    bound.row(r).setConstant(largest / 254 * 1.0001F + Rounding() * largest);
  }
  ExpectWithin(Run(builder, {Int64Tensor({2}, {7, 0})}), bound);
}

INSTANTIATE_TEST_SUITE_P(All, WeightTypes,
                         ::testing::Values(onnx::TensorProto::FLOAT16, onnx::TensorProto::BFLOAT16,
                                           onnx::TensorProto::DOUBLE));

// ---- Opsets without DynamicQuantizeLinear, and models with domains of all sorts

class OldOpsets : public Weights, public ::testing::WithParamInterface<std::int64_t> {};

TEST_P(OldOpsets, KeepTheirOpset) {
  ModelBuilder builder(GetParam(), GetParam() < 9 ? 3 : 4);
  if (GetParam() < 9) builder.Input("w", {kK, kN});
  builder.Initializer("w", {kK, kN}, values_);
  builder.Input("x", {-1, kK}).Output("y", {-1, kN}).Node("MatMul", {"x", "w"}, {"y"}, "product");
  ExpectWithin(Run(builder, {FloatTensor({kM, kK}, x_)}, {"--override-inputs"}), Bound());
  const auto model = ParseModel(folder_ / "int8.onnx");
  EXPECT_EQ(model.opset_import(0).version(), GetParam());
  EXPECT_EQ(Fused(), 1);
}

TEST_P(OldOpsets, ActivationsOfRank3) {
  ModelBuilder builder(GetParam(), 4);
  builder.Initializer("w", {kK, kN}, values_);
  builder.Input("x", {2, -1, kK}).Output("y", {2, -1, kN}).Node("MatMul", {"x", "w"}, {"y"});
  ExpectWithin(Run(builder, {FloatTensor({2, kM / 2, kK}, x_)}), Bound());
  EXPECT_EQ(Fused(), 1);
}

TEST_P(OldOpsets, BatchesOfWeights) {
  ModelBuilder builder(GetParam(), 4);
  const auto w = RandomValues(2 * kK * kN, 5, 0.1F);
  builder.Initializer("w", {2, kK, kN}, w);
  builder.Input("x", {2, kM / 2, kK}).Output("y", {2, kM / 2, kN}).Node("MatMul", {"x", "w"}, {"y"});
  RowMajor bound(kM, kN);
  RowMajor x(kM / 2 + 1, kK);
  for (Eigen::Index b = 0; b < 2; ++b) {
    x.topRows(kM / 2) = Matrix(x_, kM, kK).middleRows(b * kM / 2, kM / 2);
    x.row(kM / 2).setZero();
    x(kM / 2, 0) = Matrix(x_, kM, kK).maxCoeff();
    x(kM / 2, 1) = Matrix(x_, kM, kK).minCoeff();
    bound.middleRows(b * kM / 2, kM / 2) =
        ProductBound(x, Matrix(w, 2 * kK, kN).middleRows(b * kK, kK)).topRows(kM / 2).cast<float>();
  }
  ExpectWithin(Run(builder, {FloatTensor({2, kM / 2, kK}, x_)}), bound);
}

TEST_P(OldOpsets, BatchesOfWeightsTimesAVector) {
  for (const Dims& batch : {Dims{3}, Dims{2, 3}}) {
    ModelBuilder builder(GetParam(), 4);
    const std::int64_t count = batch.size() == 1 ? 3 : 6;
    const auto w = RandomValues(static_cast<std::size_t>(count * kK * kN), 5, 0.1F);
    const auto x = RandomValues(kK, 2);
    Dims w_dims = batch, y_dims = batch;
    w_dims.insert(w_dims.end(), {kK, kN});
    y_dims.push_back(kN);
    builder.Initializer("w", w_dims, w);
    builder.Input("x", {kK}).Output("y", y_dims).Node("MatMul", {"x", "w"}, {"y"});
    RowMajor bound(count, kN);
    for (Eigen::Index b = 0; b < count; ++b) {
      bound.row(b) =
          ProductBound(Matrix(x, 1, kK), Matrix(w, count * kK, kN).middleRows(b * kK, kK)).cast<float>();
    }
    ExpectWithin(Run(builder, {FloatTensor({kK}, x)}), bound);
  }
}

INSTANTIATE_TEST_SUITE_P(All, OldOpsets, ::testing::Values(7, 8, 9, 10));

TEST_F(Weights, InAModelOfManyDomains) {
  ModelBuilder builder;
  for (const char* domain : {"com.microsoft", "ai.onnx.ml", "org.example.nobody"}) builder.Import(domain);
  builder.Initializer("w", {kK, kN}, values_);
  ExpectProduct(builder);
}

// ---- Shared

// An embedding table that is the last projection too: one copy, one vector of scales, and the file shows it.
class TiedEmbeddings : public Operators, public ::testing::WithParamInterface<const char*> {};

TEST_P(TiedEmbeddings, AreStoredOnce) {
  constexpr std::int64_t kRows = 300, kWidth = 64;
  const std::string form = GetParam();
  const auto table = RandomValues(kRows * kWidth, 1);
  ModelBuilder builder;
  builder.Input("i", {-1}, onnx::TensorProto::INT64).Output("y", {-1, kRows});
  builder.Initializer("table", {kRows, kWidth}, table, Storage::kExternal);
  builder.Node("Gather", {"table", "i"}, {"rows"});
  if (form == "Gemm") {
    SetInt(builder.Node("Gemm", {"rows", "table"}, {"y"}), "transB", 1);
  } else {
    builder.Node("Transpose", {"table"}, {"turned"});
    builder.Node("MatMul", {"rows", "turned"}, {"y"});
  }
  const std::vector<std::int64_t> indices = {3, 299, 0, 3};
  const RowMajor all = Matrix(table, kRows, kWidth);
  RowMajor rows(4, kWidth), error(4, kWidth);
  for (Eigen::Index r = 0; r < 4; ++r) {
    rows.row(r) = all.row(indices[static_cast<std::size_t>(r)]);
    error.row(r).setConstant(rows.row(r).cwiseAbs().maxCoeff() / 254 * 1.0001F);
  }
  // The product's own error, from rows that may lie half a step further out, and what theirs becomes in it.
  const RowMajor further = rows.array() + rows.array().sign() * error.array();
  const RowMajor bound =
      ProductBound(further, all.transpose()).cast<float>() + error * all.transpose().cwiseAbs() * 1.01F;
  ExpectWithin(Run(builder, {Int64Tensor({4}, indices)}), bound);
  EXPECT_EQ(Fused(), 1);
  const auto bytes = kRows * kWidth + kRows * 4;
  EXPECT_LT(std::filesystem::file_size(folder_ / "int8.onnx.data"), bytes + 256);
}

INSTANTIATE_TEST_SUITE_P(Forms, TiedEmbeddings, ::testing::Values("Gemm", "TransposeAndMatMul"));

// Another node needs the weight in FP32: both are there.
TEST_F(Weights, ThatAnotherNodeNeedsInFP32) {
  ModelBuilder builder;
  builder.Input("x", {-1, kK}).Output("y", {-1, kN}).Initializer("w", {kK, kN}, values_);
  builder.Int64Initializer("axes", {1}, {0});
  builder.Node("MatMul", {"x", "w"}, {"z"}, "product");
  SetInt(builder.Node("ReduceSum", {"w", "axes"}, {"sums"}, "sum"), "keepdims", 1);
  builder.Node("Add", {"z", "sums"}, {"y"});
  ExpectWithin(Run(builder, {FloatTensor({kM, kK}, x_)}), Bound().array() + 1e-4F);
  const auto result =
      RunQuantizeInt8({(folder_ / "fp32.onnx").native(), (folder_ / "other.onnx").native(), "--dry-run"});
  EXPECT_NE(result.out.find("kept"), std::string::npos) << result.out;
}

// ---- In bodies

TEST_F(Weights, InBranches) {
  for (const bool captured : {false, true}) {
    ModelBuilder builder;
    builder.Input("which", {}, onnx::TensorProto::BOOL).Input("x", {kM, kK}).Output("y", {kM, kN});
    if (captured) builder.Initializer("w", {kK, kN}, values_);
    auto& branch = builder.Node("If", {"which"}, {"y"}, "if");
    for (const char* name : {"then_branch", "else_branch"}) {
      auto& body = SetGraph(branch, name);
      body.set_name(name);
      const std::string weight = captured ? "w" : "w_" + std::string(name);
      if (!captured) {
        ModelBuilder part;
        part.Initializer(weight, {kK, kN}, values_);
        *body.add_initializer() = part.graph().initializer(0);
      }
      auto& node = *body.add_node();
      node.set_op_type("MatMul");
      node.add_input("x");
      node.add_input(weight);
      node.add_output(std::string(name) + "_y");
      auto& output = *body.add_output();
      output.set_name(std::string(name) + "_y");
      output.mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT);
    }
    const std::uint8_t yes = 1;
    const auto which = runtime::Tensor::Of(DataType::kBool, {}, std::span(&yes, 1));
    ExpectWithin(Run(builder, {which, FloatTensor({kM, kK}, x_)}), Bound());
    EXPECT_EQ(Fused(), 2);
    const auto off = RunQuantizeInt8(
        {(folder_ / "fp32.onnx").native(), (folder_ / "off.onnx").native(), "--subgraphs", "false"});
    EXPECT_EQ(off.status, 3) << off.err;
  }
}

// A Loop adds the product of each round; its weight is the body's own.
TEST_F(Weights, InLoops) {
  ModelBuilder builder;
  builder.Input("x", {kM, kK}).Output("sum", {kM, kN});
  builder.Int64Initializer("rounds", {}, {3});
  const std::vector<float> zeros(static_cast<std::size_t>(kM * kN), 0.0F);
  builder.Initializer("start", {kM, kN}, zeros);
  auto& loop = builder.Node("Loop", {"rounds", "", "start"}, {"sum"}, "loop");
  auto& body = SetGraph(loop, "body");
  body.set_name("body");
  const auto add_value = [](auto* list, const std::string& name, std::int32_t type, const Dims& dims) {
    auto& value = *list->Add();
    value.set_name(name);
    auto& tensor_type = *value.mutable_type()->mutable_tensor_type();
    tensor_type.set_elem_type(type);
    tensor_type.mutable_shape();
    for (const auto dim : dims) tensor_type.mutable_shape()->add_dim()->set_dim_value(dim);
  };
  add_value(body.mutable_input(), "round", onnx::TensorProto::INT64, {});
  add_value(body.mutable_input(), "go_on", onnx::TensorProto::BOOL, {});
  add_value(body.mutable_input(), "before", onnx::TensorProto::FLOAT, {kM, kN});
  ModelBuilder part;
  part.Initializer("w", {kK, kN}, values_);
  *body.add_initializer() = part.graph().initializer(0);
  part.Node("MatMul", {"x", "w"}, {"product"}, "inner");
  part.Node("Add", {"before", "product"}, {"after"});
  part.Node("Identity", {"go_on"}, {"go_on_too"});
  for (const auto& node : part.graph().node()) *body.add_node() = node;
  add_value(body.mutable_output(), "go_on_too", onnx::TensorProto::BOOL, {});
  add_value(body.mutable_output(), "after", onnx::TensorProto::FLOAT, {kM, kN});
  ExpectWithin(Run(builder, {FloatTensor({kM, kK}, x_)}), (3 * Bound()).array() + 1e-4F);
  EXPECT_EQ(Fused(), 1);
}

// In a body, where ranks are seldom declared, vectors times a batch of matrices.
TEST_F(Weights, OfRank3TimesTheVectorsOfAScan) {
  constexpr std::int64_t kSlices = 4, kBatch = 3;
  const auto x = RandomValues(kSlices * kK, 6);
  const auto w = RandomValues(kBatch * kK * kN, 7, 0.1F);
  ModelBuilder builder;
  builder.Input("x", {kSlices, kK}).Output("y", {kSlices, kBatch, kN});
  auto& scan = builder.Node("Scan", {"x"}, {"y"}, "scan");
  SetInt(scan, "num_scan_inputs", 1);
  ModelBuilder part;
  part.Input("slice", {}).Output("product", {}).Initializer("w", {kBatch, kK, kN}, w);
  part.graph().mutable_input(0)->mutable_type()->mutable_tensor_type()->clear_shape();
  part.graph().mutable_output(0)->mutable_type()->mutable_tensor_type()->clear_shape();
  part.Node("MatMul", {"slice", "w"}, {"product"}, "inner");
  auto& body = SetGraph(scan, "body");
  body = part.graph();
  body.set_name("body");
  RowMajor bound(kSlices * kBatch, kN);
  for (Eigen::Index i = 0; i < kSlices; ++i) {
    for (Eigen::Index b = 0; b < kBatch; ++b) {
      bound.row(i * kBatch + b) =
          ProductBound(Matrix(x, kSlices, kK).row(i), Matrix(w, kBatch * kK, kN).middleRows(b * kK, kK))
              .cast<float>();
    }
  }
  ExpectWithin(Run(builder, {FloatTensor({kSlices, kK}, x)}), bound);
  EXPECT_EQ(Fused(), 1);
}

TEST_F(Weights, InScans) {
  constexpr std::int64_t kSlices = 3;
  const auto x = RandomValues(kSlices * kM * kK, 6);
  ModelBuilder builder;
  builder.Input("x", {kSlices, kM, kK}).Output("y", {kSlices, kM, kN});
  auto& scan = builder.Node("Scan", {"x"}, {"y"}, "scan");
  SetInt(scan, "num_scan_inputs", 1);
  auto& body = SetGraph(scan, "body");
  ModelBuilder part;
  part.Input("slice", {kM, kK}).Output("product", {kM, kN}).Initializer("w", {kK, kN}, values_);
  part.Node("MatMul", {"slice", "w"}, {"product"}, "inner");
  body = part.graph();
  body.set_name("body");
  RowMajor bound(kSlices * kM, kN);
  for (Eigen::Index i = 0; i < kSlices; ++i) {
    const RowMajor slice = Matrix(x, kSlices * kM, kK).middleRows(i * kM, kM);
    bound.middleRows(i * kM, kM) = ProductBound(slice, Matrix(values_, kK, kN)).cast<float>();
  }
  ExpectWithin(Run(builder, {FloatTensor({kSlices, kM, kK}, x)}), bound);
  EXPECT_EQ(Fused(), 1);
}

// ---- What is left alone, with its reason

TEST_F(Weights, OfLocalFunctionsAreLeftAlone) {
  ModelBuilder builder;
  builder.Import("local");
  auto& function = *builder.model().add_functions();
  function.set_name("MatMul");  // of that name, but the model's own
  function.set_domain("local");
  *function.add_opset_import() = builder.model().opset_import(0);
  for (const char* name : {"a", "b"}) function.add_input(name);
  function.add_output("c");
  auto& inner = *function.add_node();
  inner.set_op_type("MatMul");
  for (const char* name : {"a", "b"}) inner.add_input(name);
  inner.add_output("c");
  builder.Input("x", {kM, kK}).Output("y", {kM, kN}).Initializer("w", {kK, kN}, values_);
  builder.Initializer("v", {kN, kN}, RandomValues(kN * kN, 8, 0.1F));
  builder.Node("MatMul", {"x", "w"}, {"z"}, "call").set_domain("local");
  builder.Node("MatMul", {"z", "v"}, {"y"}, "product");
  const auto outputs = Run(builder, {FloatTensor({kM, kK}, x_)});
  ExpectSqnr(outputs, 30);
  const auto plan =
      RunQuantizeInt8({(folder_ / "fp32.onnx").native(), (folder_ / "other.onnx").native(), "--dry-run"});
  EXPECT_NE(plan.out.find("function of the model's own"), std::string::npos) << plan.out;
  EXPECT_EQ(Fused(), 1);
}

TEST_F(Weights, ThatAreSparseAreLeftAlone) {
  ModelBuilder builder;
  builder.Input("x", {kM, kK}).Output("y", {kM, kN});
  auto& sparse = *builder.graph().add_sparse_initializer();
  ModelBuilder part;
  part.Initializer("w", {20}, RandomValues(20)).Int64Initializer("indices", {20}, [] {
    std::vector<std::int64_t> indices(20);
    for (std::size_t i = 0; i < indices.size(); ++i) indices[i] = static_cast<std::int64_t>(i) * 31;
    return indices;
  }());
  *sparse.mutable_values() = part.graph().initializer(0);
  *sparse.mutable_indices() = part.graph().initializer(1);
  sparse.add_dims(kK);
  sparse.add_dims(kN);
  builder.Node("MatMul", {"x", "w"}, {"y"}, "product");
  builder.Save(folder_ / "fp32.onnx");
  const auto result = RunQuantizeInt8({(folder_ / "fp32.onnx").native(), (folder_ / "int8.onnx").native()});
  EXPECT_EQ(result.status, 3);
  EXPECT_NE(result.err.find("sparse"), std::string::npos) << result.err;
  ASSERT_EQ(
      RunQuantizeInt8({(folder_ / "fp32.onnx").native(), (folder_ / "int8.onnx").native(), "--allow-empty"})
          .status,
      0);
  const std::vector<runtime::Tensor> inputs = {FloatTensor({kM, kK}, x_)};
  EXPECT_EQ(RunModel(folder_ / "int8.onnx", inputs)[0].data, RunModel(folder_ / "fp32.onnx", inputs)[0].data);
}

// ---- Names

// Values that have the names we would give, no names for nodes, names that are no identifiers, an output that
// is an intermediate value too, and shapes declared for what goes.
TEST_F(Weights, InAModelOfOddNames) {
  ModelBuilder builder;
  builder.Input("x", {kM, kK}).Output("y", {kM, kN}).Output("x_quantized", {kM, kN});
  builder.Initializer("w/1:0 \xc3\xa9", {kK, kN}, values_);
  builder.Initializer("w/1:0 \xc3\xa9_quantized", {kN}, std::vector<float>(kN, 0.0F));
  builder.Node("MatMul", {"x", "w/1:0 \xc3\xa9"}, {"x_quantized"});
  builder.Node("Add", {"x_quantized", "w/1:0 \xc3\xa9_quantized"}, {"x_scale"});
  builder.Node("Identity", {"x_scale"}, {"y"});
  auto& info = *builder.graph().add_value_info();
  info.set_name("w/1:0 \xc3\xa9");
  info.mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT);
  ExpectWithin(Run(builder, {FloatTensor({kM, kK}, x_)}), Bound());
  EXPECT_EQ(Fused(), 1);
  EXPECT_EQ(RunModel(folder_ / "int8.onnx", {FloatTensor({kM, kK}, x_)}).size(), 2U);
}

// Two tensors that lie in the same bytes of a file, and others in a second file.
TEST_F(Weights, InSeveralFilesAndInSharedBytes) {
  ModelBuilder builder;
  builder.Input("x", {-1, kK}).Output("a", {-1, kN}).Output("b", {-1, kN}).Output("c", {-1, kN});
  const auto write = [this](const std::string& name, const std::vector<float>& values) {
    std::ofstream(folder_ / name, std::ios::binary)
        .write(reinterpret_cast<const char*>(values.data()),
               static_cast<std::streamsize>(values.size() * sizeof(float)));
  };
  builder.Node("Neg", {"x"}, {"minus_x"});
  write("first.bin", values_);
  auto negative = values_;
  for (float& value : negative) value = -value;
  write("second.bin", negative);
  for (const auto& [name, file] : {std::pair("wa", "first.bin"), {"wb", "first.bin"}, {"wc", "second.bin"}}) {
    auto& tensor = *builder.graph().add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(onnx::TensorProto::FLOAT);
    tensor.add_dims(kK);
    tensor.add_dims(kN);
    tensor.set_data_location(onnx::TensorProto::EXTERNAL);
    auto& entry = *tensor.add_external_data();
    entry.set_key("location");
    entry.set_value(file);
    // The runtime would merge two products that are the same.
    builder.Node("MatMul", {std::string(name) == "wb" ? "minus_x" : "x", name},
                 {std::string(name).substr(1)});
  }
  ExpectWithin(Run(builder, {FloatTensor({kM, kK}, x_)}), Bound());
  EXPECT_EQ(Fused(), 3);
  int codes = 0;
  const auto model = ParseModel(folder_ / "int8.onnx");
  for (const auto& tensor : model.graph().initializer()) {
    codes += tensor.data_type() == onnx::TensorProto::INT8 ? 1 : 0;
  }
  EXPECT_EQ(codes, 2) << "one for each file";
}

// ---- Stored only

struct StoredCase {
  const char* name;
  std::function<void(ModelBuilder&)> build;
};

void PrintTo(const StoredCase& stored, std::ostream* out) { *out << stored.name; }

void BuildConv(ModelBuilder& builder) {
  builder.Input("x", {1, 8, 12, 12}).Output("y", {1, 16, 10, 10});
  builder.Initializer("w", {16, 8, 3, 3}, RandomValues(16 * 8 * 9, 1, 0.1F));
  builder.Initializer("b", {16}, RandomValues(16, 2));
  builder.Node("Conv", {"x", "w", "b"}, {"y"});
}

void BuildConvTranspose(ModelBuilder& builder) {
  builder.Input("x", {1, 8, 12, 12}).Output("y", {1, 16, 14, 14});
  SetTensor(builder.Node("Constant", {}, {"w"}), "value", {8, 16, 3, 3}, RandomValues(16 * 8 * 9, 1, 0.1F));
  builder.Node("ConvTranspose", {"x", "w"}, {"y"});
}

void BuildRecurrent(ModelBuilder& builder, const std::string& op, std::int64_t gates) {
  constexpr std::int64_t kHidden = 16, kInputs = 24;
  builder.Input("x", {5, 1, kInputs}).Output("y", {5, 2, 1, kHidden});
  builder.Initializer("w", {2, gates * kHidden, kInputs},
                      RandomValues(static_cast<std::size_t>(2 * gates * kHidden * kInputs), 1, 0.3F));
  builder.Initializer("r", {2, gates * kHidden, kHidden},
                      RandomValues(static_cast<std::size_t>(2 * gates * kHidden * kHidden), 2, 0.3F));
  auto& node = builder.Node(op, {"x", "w", "r"}, {"y"});
  SetInt(node, "hidden_size", kHidden);
  SetString(node, "direction", "bidirectional");
}

class Stored : public Operators, public ::testing::WithParamInterface<StoredCase> {};

// It computes as FP32 does with the weights as they are restored: the only error is that of the weights.
TEST_P(Stored, ComputesInFP32FromRestoredWeights) {
  for (const std::int64_t opset : {9, 17}) {
    ModelBuilder builder(opset);
    GetParam().build(builder);
    Dims dims;
    std::int64_t elements = 1;
    for (const auto& dim : builder.graph().input(0).type().tensor_type().shape().dim()) {
      dims.push_back(dim.dim_value());
      elements *= dim.dim_value();
    }
    const auto x = FloatTensor(dims, RandomValues(static_cast<std::size_t>(elements), 7));
    const auto outputs = Run(builder, {x}, {"--store-int8", GetParam().name});
    const auto operators = OptimizedOperators(folder_ / "int8.onnx");
    EXPECT_FALSE(operators.contains("Cast")) << "it is restored when the model is loaded";
    EXPECT_FALSE(operators.contains("Mul"));
    EXPECT_TRUE(operators.contains(GetParam().name));

    for (auto& tensor : *builder.graph().mutable_initializer()) {
      if (tensor.name() != "b") RoundRows(tensor);
    }
    for (auto& node : *builder.graph().mutable_node()) {
      if (node.op_type() == "Constant") RoundRows(*node.mutable_attribute(0)->mutable_t());
    }
    builder.Save(folder_ / "rounded.onnx");
    const runtime::Tensor rounded = RunModel(folder_ / "rounded.onnx", {x}).at(0);
    const auto expected = rounded.As<float>();
    const auto exact = outputs.fp32.As<float>();
    for (const runtime::Tensor& int8 : outputs.int8) {
      const auto found = int8.As<float>();
      ASSERT_EQ(expected.size(), found.size());
      float error = 0;
      for (std::size_t i = 0; i < found.size(); ++i) {
        ASSERT_NEAR(found[i], expected[i], 1e-5F * (1 + std::abs(expected[i]))) << i;
        error = std::max(error, std::abs(found[i] - exact[i]));
      }
      EXPECT_GT(error, 0) << "nothing was stored as INT8";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, Stored,
    ::testing::Values(StoredCase{"Conv", BuildConv}, StoredCase{"ConvTranspose", BuildConvTranspose},
                      StoredCase{"LSTM", [](auto& builder) { BuildRecurrent(builder, "LSTM", 4); }},
                      StoredCase{"GRU", [](auto& builder) { BuildRecurrent(builder, "GRU", 3); }},
                      StoredCase{"RNN", [](auto& builder) { BuildRecurrent(builder, "RNN", 1); }}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace qi8::testing
