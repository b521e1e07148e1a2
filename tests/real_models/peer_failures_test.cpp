// What the runtime's own tool gets wrong, by the numbers of the list that these came from: each model comes
// out right here, or is refused with its reason. Forms that other tests hold in detail are here in one
// example.

#include <gmock/gmock.h>

#include "qi8/error.hpp"
#include "real_models/operators.hpp"

namespace qi8::testing {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kM = 5, kK = 32, kN = 16;

class PeerFailures : public Operators {
 protected:
  [[nodiscard]] ProgramResult Quantize(const std::vector<std::string>& options = {},
                                       const std::string& input = "fp32.onnx",
                                       const std::string& output = "int8.onnx") {
    std::vector<std::string> arguments = {(folder_ / input).native(), (folder_ / output).native()};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return RunQuantizeInt8(arguments);
  }

  [[nodiscard]] ModelBuilder Product(std::int64_t opset = 17, const std::string& op = "MatMul") {
    ModelBuilder builder(opset);
    builder.Input("x", {-1, kK}).Output("y", {-1, kN}).Initializer("w", {kK, kN}, w_);
    builder.Node(op, {"x", "w"}, {"y"}, "product");
    return builder;
  }

  [[nodiscard]] RowMajor Bound() const {
    return ProductBound(Matrix(x_, kM, kK), Matrix(w_, kK, kN)).cast<float>();
  }
  [[nodiscard]] std::vector<runtime::Tensor> X() const { return {FloatTensor({kM, kK}, x_)}; }

  std::vector<float> w_ = RandomValues(kK * kN, 1, 0.1F);
  std::vector<float> x_ = RandomValues(kM * kK, 2);
};

TEST_F(PeerFailures, No01BatchedWeightCrashesWhenRun) {
  ModelBuilder builder;
  builder.Input("x", {2, kM, kK})
      .Output("y", {2, kM, kN})
      .Initializer("w", {2, kK, kN}, RandomValues(2 * kK * kN));
  builder.Node("MatMul", {"x", "w"}, {"y"});
  const auto outputs = Run(builder, {FloatTensor({2, kM, kK}, RandomValues(2 * kM * kK, 3))});
  ExpectSqnr(outputs, 30);
}

TEST_F(PeerFailures, No02TwoGemmsOfOneWeightAndNamesThatAreRenamed) {
  ModelBuilder builder;
  const auto square = RandomValues(kK * kK, 1, 0.1F);
  builder.Input("x", {kM, kK}).Output("y", {kM, kK}).Initializer("w", {kK, kK}, square);
  builder.Node("Gemm", {"x", "w"}, {"a"}, "first");
  auto& second = builder.Node("Gemm", {"a", "w"}, {"y"}, "second");
  SetInt(second, "transB", 1);
  SetFloat(second, "alpha", 0.5F);
  const auto outputs = Run(builder, X());
  ExpectSqnr(outputs, 30);
  EXPECT_EQ(Fused(), 2);
  const auto excluded = Quantize({"--force", "--exclude", "^second$"});
  ASSERT_EQ(excluded.status, 0) << excluded.err;
  EXPECT_EQ(Fused(), 1);
  EXPECT_EQ(OptimizedOperators(folder_ / "int8.onnx")["Gemm"], 1);
}

TEST_F(PeerFailures, No03TiedEmbeddings) {
  for (const bool gather_first : {true, false}) {
    ModelBuilder builder;
    const auto table = RandomValues(200 * kK, 1);
    builder.Input("i", {-1}, onnx::TensorProto::INT64).Output("y", {-1, 200});
    builder.Initializer("table", {200, kK}, table, Storage::kExternal);
    if (gather_first) builder.Node("Gather", {"table", "i"}, {"rows"});
    builder.Node("Transpose", {"table"}, {"turned"});
    if (!gather_first) builder.Node("Gather", {"table", "i"}, {"rows"});
    builder.Node("MatMul", {"rows", "turned"}, {"y"});
    const auto outputs = Run(builder, {Int64Tensor({3}, {0, 5, 199})});
    ExpectSqnr(outputs, 30);
    EXPECT_EQ(Fused(), 1);
    EXPECT_LT(std::filesystem::file_size(folder_ / "int8.onnx.data"), 200U * kK + 200 * 4 + 256)
        << "stored once";
  }
}

TEST_F(PeerFailures, No04WeightsInConstantNodes) {
  ModelBuilder builder;
  builder.Input("x", {-1, kK}).Output("y", {-1, kN});
  SetTensor(builder.Node("Constant", {}, {"w"}), "value", {kK, kN}, w_);
  builder.Node("MatMul", {"x", "w"}, {"y"});
  ExpectWithin(Run(builder, X()), Bound());
  EXPECT_EQ(Fused(), 1);
}

TEST_F(PeerFailures, No05Float16AndBfloat16) {
  for (const std::int32_t type : {onnx::TensorProto::FLOAT16, onnx::TensorProto::BFLOAT16}) {
    ModelBuilder builder;
    builder.Input("x", {kM, kK}).Output("y", {kM, kN}).Initializer("stored", {kK, kN}, w_);
    auto& tensor = *builder.graph().mutable_initializer(0);
    tensor.clear_raw_data();
    for (const float value : w_) {
      tensor.add_int32_data(type == onnx::TensorProto::FLOAT16 ? Eigen::half(value).x
                                                               : Eigen::bfloat16(value).value);
    }
    tensor.set_data_type(type);
    const bool half = type == onnx::TensorProto::FLOAT16;
    if (half) SetInt(builder.Node("Cast", {"x"}, {"x_half"}), "to", type);
    if (!half) SetInt(builder.Node("Cast", {"stored"}, {"w"}), "to", onnx::TensorProto::FLOAT);
    builder.Node("MatMul", {half ? "x_half" : "x", half ? "stored" : "w"}, {half ? "z" : "y"});
    if (half) SetInt(builder.Node("Cast", {"z"}, {"y"}), "to", onnx::TensorProto::FLOAT);
    const auto outputs = Run(builder, X());
    ExpectSqnr(outputs, 30);
    EXPECT_EQ(Fused(), 1) << type;
  }
}

// Clip and Pad of opset 9 have attributes that opset 11 does not know.
TEST_F(PeerFailures, No06OldOpsetsAreNotRelabelled) {
  ModelBuilder builder(9, 4);
  builder.Input("x", {kM, kK}).Output("y", {kM, kN}).Initializer("w", {kK, kN}, w_);
  SetFloat(builder.Node("Clip", {"x"}, {"clipped"}), "max", 1.5F);
  builder.Node("MatMul", {"clipped", "w"}, {"y"});
  const auto outputs = Run(builder, X());
  ExpectSqnr(outputs, 30);
  EXPECT_EQ(ParseModel(folder_ / "int8.onnx").opset_import(0).version(), 9);
}

TEST_F(PeerFailures, No07ConvOfOldRuntimesAndBiasInAConstantNode) {
  ModelBuilder builder;
  builder.Input("x", {1, 4, 9, 9})
      .Output("y", {1, 6, 7, 7})
      .Initializer("w", {6, 4, 3, 3}, RandomValues(216));
  SetTensor(builder.Node("Constant", {}, {"b"}), "value", {6}, RandomValues(6, 4));
  builder.Node("Conv", {"x", "w", "b"}, {"y"});
  const auto outputs = Run(builder, {FloatTensor({1, 4, 9, 9}, RandomValues(324, 3))}, {"--ops", "Conv"});
  ExpectSqnr(outputs, 30);
  const auto model = ParseModel(folder_ / "int8.onnx");
  bool found = false;
  for (const auto& tensor : model.graph().initializer()) {
    found = found || (tensor.name() == "w_quantized" && tensor.data_type() == onnx::TensorProto::UINT8);
  }
  EXPECT_TRUE(found) << "uint8, which every runtime takes";
}

// A Gemm in each branch, and shapes declared for the results that are no longer true.
TEST_F(PeerFailures, No08Subgraphs) {
  ModelBuilder builder;
  builder.Input("which", {}, onnx::TensorProto::BOOL).Input("x", {kM, kK}).Output("y", {kM, kN});
  builder.Initializer("w", {kN, kK}, RandomValues(kK * kN, 1, 0.1F));
  auto& branch = builder.Node("If", {"which"}, {"y"}, "if");
  for (const char* name : {"then_branch", "else_branch"}) {
    auto& body = SetGraph(branch, name);
    body.set_name(name);
    auto& gemm = *body.add_node();
    gemm.set_op_type("Gemm");
    gemm.add_input("x");
    gemm.add_input("w");
    gemm.add_output(std::string(name) + "_y");
    SetInt(gemm, "transB", 1);
    auto& output = *body.add_output();
    output.set_name(std::string(name) + "_y");
    output.mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT);
    for (const std::int64_t stale : {kM, 4 * kN}) {
      output.mutable_type()->mutable_tensor_type()->mutable_shape()->add_dim()->set_dim_value(stale);
    }
  }
  const std::uint8_t yes = 1;
  const auto which = runtime::Tensor::Of(DataType::kBool, {}, std::span(&yes, 1));
  const auto outputs = Run(builder, {which, X()[0]});
  ExpectSqnr(outputs, 30);
  EXPECT_EQ(Fused(), 2);
}

TEST_F(PeerFailures, No09NothingToQuantizeIsNoSuccess) {
  ModelBuilder builder;
  builder.Input("x", {kM, kK}).Output("y", {kM, kK}).Node("Relu", {"x"}, {"y"});
  builder.Save(folder_ / "fp32.onnx");
  EXPECT_EQ(Quantize().status, 3);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "int8.onnx"));
  // Nor is a model that is quantized already, and it says so once.
  auto product = Product();
  product.Save(folder_ / "fp32.onnx");
  ASSERT_EQ(Quantize().status, 0);
  const auto again = Quantize({}, "int8.onnx", "again.onnx");
  EXPECT_EQ(again.status, 3);
  EXPECT_THAT(again.err, HasSubstr("2 of its nodes are quantized already"));
  EXPECT_EQ(again.err.find("quantized already"), again.err.rfind("quantized already"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "again.onnx"));
}

// The same for a weight that a DequantizeLinear restores.
TEST_F(PeerFailures, No09QuantizedAlreadyInTheOtherForm) {
  ModelBuilder builder;
  builder.Input("x", {kM, kK}).Output("y", {kM, kN}).Initializer("scale", {}, std::vector<float>{0.1F});
  auto& codes = *builder.graph().add_initializer();
  codes.set_name("codes");
  codes.set_data_type(onnx::TensorProto::INT8);
  codes.add_dims(kK);
  codes.add_dims(kN);
  codes.set_raw_data(std::string(kK * kN, '\3'));
  builder.Node("DequantizeLinear", {"codes", "scale"}, {"w"});
  builder.Node("MatMul", {"x", "w"}, {"y"}, "product");
  builder.Save(folder_ / "fp32.onnx");
  const auto result = Quantize();
  EXPECT_EQ(result.status, 3);
  EXPECT_THAT(result.err, HasSubstr("1 of its nodes is quantized already"));
  EXPECT_THAT(result.err, HasSubstr("weight is quantized already"));
}

TEST_F(PeerFailures, No10RunningTwiceDoublesNothing) {
  ModelBuilder builder;
  builder.Input("x", {-1, kK}).Output("y", {-1, 4000}).Initializer("w", {kK, 4000}, RandomValues(kK * 4000));
  builder.Node("MatMul", {"x", "w"}, {"y"});
  builder.Save(folder_ / "fp32.onnx");
  ASSERT_EQ(Quantize().status, 0);
  const auto size = std::filesystem::file_size(folder_ / "int8.onnx.data");
  EXPECT_EQ(Quantize().status, 1) << "not over what is there";
  ASSERT_EQ(Quantize({"--force"}).status, 0);
  EXPECT_EQ(std::filesystem::file_size(folder_ / "int8.onnx.data"), size);
}

TEST_F(PeerFailures, No11NanAndInfinity) {
  for (const float bad : {std::nanf(""), HUGE_VALF}) {
    w_[17] = bad;
    Product().Save(folder_ / "fp32.onnx");
    const auto kept = Quantize();
    EXPECT_EQ(kept.status, 3) << "there is no other weight";
    EXPECT_THAT(kept.err, HasSubstr("'w' stays as it is"));
    const auto refused = Quantize({"--nonfinite", "error"});
    EXPECT_EQ(refused.status, 1);
    EXPECT_THAT(refused.err, HasSubstr("tensor 'w' has a NaN or an infinity at index [1, 1]"));
  }
}

// Attributes, doc strings and metadata stay; an LSTM of layout 1 stays whole.
TEST_F(PeerFailures, No12AttributesAndDocStringsStay) {
  ModelBuilder builder;
  builder.Input("x", {5, 2, 8}).Output("y", {5, 2, 1, 4});
  builder.Initializer("w", {1, 16, 8}, RandomValues(128)).Initializer("r", {1, 16, 4}, RandomValues(64));
  auto& lstm = builder.Node("LSTM", {"x", "w", "r"}, {"y"}, "lstm");
  SetInt(lstm, "hidden_size", 4);
  SetInt(lstm, "layout", 1);
  lstm.set_doc_string("of the lstm");
  builder.model().set_doc_string("of the model");
  builder.graph().set_doc_string("of the graph");
  auto& entry = *builder.model().add_metadata_props();
  entry.set_key("mine");
  entry.set_value("kept");
  builder.Save(folder_ / "fp32.onnx");
  EXPECT_THROW(static_cast<void>(Runtime().OpenSession((folder_ / "fp32.onnx").native())), Error)
      << "once ONNX Runtime runs this, --ops LSTM should quantize it";
  const auto left = Quantize({"--ops", "all"});
  EXPECT_EQ(left.status, 3);
  EXPECT_THAT(left.err, HasSubstr("layout 1"));
  ASSERT_EQ(Quantize({"--store-int8", "LSTM"}).status, 0);
  const auto model = ParseModel(folder_ / "int8.onnx");
  EXPECT_EQ(model.doc_string(), "of the model");
  EXPECT_EQ(model.graph().doc_string(), "of the graph");
  EXPECT_EQ(model.metadata_props(0).value(), "kept");
  const auto& node = model.graph().node(model.graph().node_size() - 1);
  EXPECT_EQ(node.op_type(), "LSTM");
  EXPECT_EQ(node.doc_string(), "of the lstm");
  ASSERT_EQ(node.attribute_size(), 2);
  EXPECT_EQ(node.attribute(1).name(), "layout");
  EXPECT_EQ(node.attribute(1).i(), 1);
}

TEST_F(PeerFailures, No13ModelsThatImportOnlyAnotherDomain) {
  ModelBuilder builder;
  builder.model().clear_opset_import();
  builder.Import("com.microsoft");
  builder.Input("x", {kM, kK}).Output("y", {kM, kK});
  builder.Node("Gelu", {"x"}, {"y"}).set_domain("com.microsoft");
  builder.Save(folder_ / "fp32.onnx");
  EXPECT_EQ(Quantize().status, 3);
  ASSERT_EQ(Quantize({"--allow-empty"}).status, 0);
  EXPECT_EQ(RunModel(folder_ / "int8.onnx", X())[0].data, RunModel(folder_ / "fp32.onnx", X())[0].data);
}

TEST_F(PeerFailures, No14ConvIsStoredByDefaultOnlyWhereAsked) {
  ModelBuilder builder;
  builder.Input("x", {1, 4, 9, 9})
      .Output("y", {1, 6, 7, 7})
      .Initializer("w", {6, 4, 3, 3}, RandomValues(216));
  builder.Node("Conv", {"x", "w"}, {"y"});
  builder.Save(folder_ / "fp32.onnx");
  const auto left = Quantize();
  EXPECT_EQ(left.status, 3);
  EXPECT_THAT(left.err, HasSubstr("--store-int8 Conv"));
  const auto outputs =
      Run(builder, {FloatTensor({1, 4, 9, 9}, RandomValues(324, 3))}, {"--store-int8", "Conv"});
  ExpectSqnr(outputs, 35);
  const auto operators = OptimizedOperators(folder_ / "int8.onnx");
  EXPECT_FALSE(operators.contains("ConvInteger"));
  EXPECT_FALSE(operators.contains("Cast")) << "restored when the model is loaded";
}

}  // namespace
}  // namespace qi8::testing
