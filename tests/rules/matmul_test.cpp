// The rule for MatMul, and what all rules ask of a weight.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>
#include <utility>

#include "rules/edit_text.hpp"

namespace qi8 {
namespace {

using testing::DecideLast;
using testing::Dims;
using testing::ModelBuilder;
using testing::RandomValues;
using testing::Storage;

constexpr const char* kEdit = R"(
weight w as {1, 3, 5} -> [3, 5], scales [5] * 1
activation x
#0 Mul(activation0.scale, weight0.scale)
#1 MatMulInteger(activation0.data, weight0.data, activation0.zero_point)
#2 Cast(#1) to=1
#3 Mul(#2, #0)
)";

TEST(MatMulRule, AScaleForEachColumn) {
  for (const Storage storage : {Storage::kRawData, Storage::kFloatData, Storage::kUnpackedFloatData}) {
    ModelBuilder builder;
    builder.Initializer("w", {3, 5}, RandomValues(15), storage).Node("MatMul", {"x", "w"}, {"y"});
    EXPECT_EQ(DecideLast(builder), kEdit);
  }
}

TEST(MatMulRule, AWeightInAConstantNode) {
  ModelBuilder builder;
  testing::SetTensor(builder.Node("Constant", {}, {"w"}), "value", {3, 5}, RandomValues(15));
  builder.Node("MatMul", {"x", "w"}, {"y"});
  EXPECT_EQ(DecideLast(builder), kEdit);
}

// Before opset 11 there is no DynamicQuantizeLinear; an operator of com.microsoft does it all.
TEST(MatMulRule, BelowOpset11) {
  constexpr const char* kOneNode = R"(
weight w as {1, 3, 5} -> [3, 5], scales [5] * 1
#0 com.microsoft.DynamicQuantizeMatMul(x, weight0.data, weight0.scale)
)";
  for (const std::int64_t opset : {1, 9, 10}) {
    ModelBuilder builder(opset);
    builder.Initializer("w", {3, 5}, RandomValues(15)).Node("MatMul", {"x", "w"}, {"y"});
    EXPECT_EQ(DecideLast(builder), kOneNode) << opset;
  }
  ModelBuilder builder(11);
  builder.Initializer("w", {3, 5}, RandomValues(15)).Node("MatMul", {"x", "w"}, {"y"});
  EXPECT_EQ(DecideLast(builder), kEdit);
}

TEST(MatMulRule, NeedsAnOpsetOfOnnxItself) {
  ModelBuilder builder(17);
  builder.model().mutable_opset_import(0)->set_domain("com.microsoft");
  builder.Initializer("w", {3, 5}, RandomValues(15)).Node("MatMul", {"x", "w"}, {"y"});
  EXPECT_EQ(DecideLast(builder), "opset: it imports no ai.onnx");
  builder.model().mutable_opset_import(0)->set_domain("ai.onnx");
  EXPECT_EQ(DecideLast(builder), kEdit);
}

// The graph keeps its own type; only DynamicQuantizeLinear and the integer product see float32.
TEST(MatMulRule, OtherFloatingPointTypes) {
  for (const auto& [type, bytes] : {std::pair(DataType::kFloat16, 2), std::pair(DataType::kBfloat16, 2),
                                    std::pair(DataType::kDouble, 8)}) {
    ModelBuilder builder;
    builder.Initializer("w", {3, 5}, RandomValues(15)).Node("MatMul", {"x", "w"}, {"y"});
    auto& tensor = *builder.graph().mutable_initializer(0);
    tensor.set_data_type(static_cast<std::int32_t>(type));
    tensor.set_raw_data(std::string(static_cast<std::size_t>(15 * bytes), '\1'));
    EXPECT_EQ(DecideLast(builder), R"(
weight w as {1, 3, 5} -> [3, 5], scales [5] * 1
activation x cast to float32
#0 Mul(activation0.scale, weight0.scale)
#1 MatMulInteger(activation0.data, weight0.data, activation0.zero_point)
#2 Cast(#1) to=1
#3 Mul(#2, #0)
#4 Cast(#3) to=)" + std::to_string(static_cast<int>(type)) +
                                       "\n");
  }
}

TEST(MatMulRule, ZeroPointsGoIntoTheProduct) {
  Selection selection;
  selection.scheme.symmetric = false;
  for (const std::int64_t opset : {10, 17}) {
    ModelBuilder builder(opset);
    builder.Initializer("w", {3, 5}, RandomValues(15)).Node("MatMul", {"x", "w"}, {"y"});
    EXPECT_EQ(DecideLast(builder, selection), opset == 10 ? R"(
weight w as {1, 3, 5} -> [3, 5], scales [5] * 1
#0 com.microsoft.DynamicQuantizeMatMul(x, weight0.data, weight0.scale, weight0.zero_point)
)"
                                                          : R"(
weight w as {1, 3, 5} -> [3, 5], scales [5] * 1
activation x
#0 Mul(activation0.scale, weight0.scale)
#1 MatMulInteger(activation0.data, weight0.data, activation0.zero_point, weight0.zero_point)
#2 Cast(#1) to=1
#3 Mul(#2, #0)
)");
  }
}

TEST(MatMulRule, OneScaleForTheTensor) {
  Selection selection;
  selection.granularity = Granularity::kTensor;
  ModelBuilder builder;
  builder.Initializer("w", {2, 3, 5}, RandomValues(30)).Node("MatMul", {"x", "w"}, {"y"});
  EXPECT_THAT(DecideLast(builder, selection),
              ::testing::StartsWith("\nweight w as {1, 30, 1} -> [2, 3, 5], scales [] * 1\n"));
}

constexpr const char* kBatchOfRows = R"(
weight w as {2, 3, 5} -> [2, 3, 5], scales [2, 1, 5] * 1
activation x
#0 Mul(activation0.scale, weight0.scale)
#1 MatMulInteger(activation0.data, weight0.data, activation0.zero_point)
#2 Cast(#1) to=1
#3 Mul(#2, #0)
)";

TEST(MatMulRule, ABatchOfMatrices) {
  for (const Dims& x : {Dims{4, 3}, Dims{2, 4, 3}, Dims{7, 2, 4, 3}}) {
    ModelBuilder builder;
    builder.Input("x", x).Initializer("w", {2, 3, 5}, RandomValues(30)).Node("MatMul", {"x", "w"}, {"y"});
    EXPECT_EQ(DecideLast(builder), kBatchOfRows);
  }
  ModelBuilder constants;
  constants.Initializer("x", {4, 3}, RandomValues(12)).Initializer("w", {2, 3, 5}, RandomValues(30));
  constants.Node("MatMul", {"x", "w"}, {"y"});
  EXPECT_EQ(DecideLast(constants), kBatchOfRows);
}

TEST(MatMulRule, ABatchOfMatricesAndAVector) {
  ModelBuilder builder;
  builder.Input("x", {3}).Initializer("w", {2, 3, 5}, RandomValues(30)).Node("MatMul", {"x", "w"}, {"y"});
  EXPECT_EQ(DecideLast(builder), R"(
weight w as {2, 3, 5} -> [2, 3, 5], scales [2, 5] * 1, zero points [2, 1, 5]
activation x
#0 Mul(activation0.scale, weight0.scale)
#1 MatMulInteger(activation0.data, weight0.data, activation0.zero_point)
#2 Cast(#1) to=1
#3 Mul(#2, #0)
)");
}

// The operator of com.microsoft takes the scales in the form of the weight, whatever the rank of x.
TEST(MatMulRule, ABatchOfMatricesAndAVectorBelowOpset11) {
  ModelBuilder builder(10);
  builder.Input("x", {3}).Initializer("w", {2, 3, 5}, RandomValues(30)).Node("MatMul", {"x", "w"}, {"y"});
  EXPECT_EQ(DecideLast(builder), R"(
weight w as {2, 3, 5} -> [2, 3, 5], scales [2, 1, 5] * 1
#0 com.microsoft.DynamicQuantizeMatMul(x, weight0.data, weight0.scale)
)");
}

// A declaration of what the model computes itself may be wrong; the runtime does not mind.
TEST(MatMulRule, ABatchOfMatricesAndWhatHasNoCertainRank) {
  for (const bool declared : {false, true}) {
    ModelBuilder builder;
    ModelBuilder declaration;
    declaration.Input("x", {4, 3});
    if (declared) *builder.graph().add_value_info() = declaration.graph().input(0);
    builder.Initializer("w", {2, 3, 5}, RandomValues(30)).Node("Op", {}, {"x"});
    builder.Node("MatMul", {"x", "w"}, {"y"});
    EXPECT_EQ(DecideLast(builder), R"(
weight w as {2, 3, 5} -> [2, 3, 5], scales [2, 1, 5] * 1
activation x
#0 Shape(x)
#1 Constant() value=tensor [-2]
#2 Constant() value=tensor [-1]
#3 Slice(#0, #1, #2)
#4 Shape(#3)
#5 ConstantOfShape(#4) value=tensor [1]
#6 Constant() value=tensor [2]
#7 Constant() value=tensor [5]
#8 Concat(#6, #5, #7) axis=0
#9 Reshape(weight0.scale, #8)
#10 Mul(activation0.scale, #9)
#11 MatMulInteger(activation0.data, weight0.data, activation0.zero_point)
#12 Cast(#11) to=1
#13 Mul(#12, #10)
)");
  }
}

TEST(MatMulRule, AConstantOnTheLeftIsOneOnTheRightOfTheTransposedProduct) {
  ModelBuilder builder;
  builder.Input("x", {2, 5, 7}).Initializer("w", {3, 5}, RandomValues(15));
  builder.Node("MatMul", {"w", "x"}, {"y"});
  EXPECT_EQ(DecideLast(builder), R"(
weight w as {3, 5, 1} transposed -> [5, 3], scales [3] * 1
activation #0
#0 Transpose(x) perm=[0, 2, 1]
#1 Mul(activation0.scale, weight0.scale)
#2 MatMulInteger(activation0.data, weight0.data, activation0.zero_point)
#3 Cast(#2) to=1
#4 Mul(#3, #1)
#5 Transpose(#4) perm=[0, 2, 1]
)");
}

TEST(MatMulRule, AConstantOnTheLeftOfWhatIsNotKnown) {
  ModelBuilder builder;
  builder.Initializer("w", {3, 5}, RandomValues(15)).Node("Op", {}, {"x"});
  builder.Node("MatMul", {"w", "x"}, {"y"});
  EXPECT_EQ(DecideLast(builder),
            "shape: it is the left factor, and the rank of the right one is not declared");
  ModelBuilder vector;
  vector.Input("x", {5}).Initializer("w", {3, 5}, RandomValues(15)).Node("MatMul", {"w", "x"}, {"y"});
  EXPECT_EQ(DecideLast(vector), "shape: it is the left factor, and the right one is a vector");
}

TEST(MatMulRule, TakesNoVectors) {
  ModelBuilder builder;
  builder.Initializer("w", {15}, RandomValues(15)).Node("MatMul", {"x", "w"}, {"y"});
  EXPECT_EQ(DecideLast(builder), "shape: rank 1");
}

// What ConstantWeight refuses, by way of the rule that needs nothing more.
[[nodiscard]] std::string Refusal(const std::function<void(ModelBuilder&)>& change) {
  ModelBuilder builder;
  builder.Input("x", {2, 3}).Initializer("w", {3, 5}, RandomValues(15));
  change(builder);
  builder.Node("MatMul", {"x", "w"}, {"y"});
  return DecideLast(builder);
}

TEST(ConstantWeight, Refusals) {
  ASSERT_EQ(Refusal([](auto&) {}), kEdit);
  EXPECT_EQ(Refusal([](auto& builder) {
              builder.Input("w", {3, 5});
            }),
            "overridable: --override-inputs quantizes it");
  EXPECT_EQ(Refusal([](auto& builder) {
              builder.graph().clear_initializer();
              builder.Node("Op", {}, {"w"});
            }),
            "activations: ");
  EXPECT_EQ(Refusal([](auto& builder) {
              builder.graph().mutable_initializer(0)->set_name("stored");
              builder.Int64Initializer("from", {1}, {0}).Int64Initializer("to", {1}, {3});
              builder.Node("Slice", {"stored", "from", "to"}, {"w"});
            }),
            "not-constant: a Slice computes it from constants; --optimize basic does that first");
  EXPECT_EQ(Refusal([](auto& builder) {
              builder.graph().mutable_initializer(0)->set_name("stored");
              builder.Node("Mul", {"stored", "x"}, {"w"});
            }),
            "activations: ");
  EXPECT_EQ(Refusal([](auto& builder) {
              builder.graph().clear_initializer();
              builder.Input("w", {3, 5});
            }),
            "activations: ");
  EXPECT_EQ(Refusal([](auto& builder) { builder.graph().clear_initializer(); }),
            "not-constant: nothing in the model defines it");
  EXPECT_EQ(Refusal([](auto& builder) {
              auto& tensor = *builder.graph().mutable_initializer(0);
              tensor.set_data_type(onnx::TensorProto::INT32);
              tensor.set_raw_data(std::string(60, '\1'));
            }),
            "type: int32");
  EXPECT_EQ(Refusal([](auto& builder) {
              auto& tensor = *builder.graph().mutable_initializer(0);
              tensor.set_dims(0, 0);
              tensor.clear_raw_data();
            }),
            "shape: the weight is empty");
  EXPECT_EQ(Refusal([](auto& builder) {
              auto& sparse = *builder.graph().add_sparse_initializer()->mutable_values();
              *sparse.mutable_name() = "w";
              builder.graph().clear_initializer();
            }),
            "sparse: ");
}

TEST(ConstantWeight, AnEmptyWeight) {
  testing::MemoryFileSystem files;
  ModelBuilder builder;
  auto& tensor = *builder.graph().add_initializer();
  tensor.set_name("w");
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  tensor.add_dims(0);
  tensor.add_dims(5);
  tensor.set_data_location(onnx::TensorProto::EXTERNAL);
  auto& entry = *tensor.add_external_data();
  entry.set_key("location");
  entry.set_value("d");
  builder.Node("MatMul", {"x", "w"}, {"y"});
  files.Add("d", "");
  files.Add("m.onnx", builder.model().SerializeAsString());
  const Model model = Model::Load(files, "m.onnx");
  EXPECT_EQ(testing::DecisionText(
                model, FindRule(model.nodes()[0])
                           ->computed->plan({.model = model, .selection = {}, .settled_shapes = {}},
                                            model.nodes()[0])),
            "shape: the weight is empty");
}

TEST(ConstantWeight, NodesThatAreNotWhole) {
  for (const auto& inputs : {std::vector<std::string>{}, {"x"}, {"x", ""}}) {
    for (const char* op : {"MatMul", "Gemm"}) {
      ModelBuilder builder;
      builder.Node(op, inputs, {"y"});
      EXPECT_THAT(DecideLast(builder), ::testing::StartsWith("not-constant: ")) << op;
    }
  }
}

}  // namespace
}  // namespace qi8
