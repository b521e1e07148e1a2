// The rules of operators that are quantized where asked for: what they write, and what they leave.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "model/element_types.hpp"
#include "rules/edit_text.hpp"

namespace qi8 {
namespace {

using testing::DecideLast;
using testing::Dims;
using ::testing::HasSubstr;
using testing::ModelBuilder;
using testing::RandomValues;
using testing::SetInt;

ModelBuilder ConvModel() {
  ModelBuilder builder;
  builder.Initializer("w", {6, 4, 3, 3}, RandomValues(216)).Node("Conv", {"x", "w", "b"}, {"y"});
  return builder;
}

TEST(ConvRule, Uint8ForOldRuntimes) {
  auto builder = ConvModel();
  EXPECT_EQ(DecideLast(builder), R"(
weight w as {6, 36, 1} -> [6, 4, 3, 3], scales [6, 1, 1] * 1
activation x
#0 Mul(activation0.scale, weight0.scale)
#1 Constant() value=tensor [128]
#2 Cast(#1) to=2
#3 ConvInteger(activation0.data, weight0.data, activation0.zero_point, #2)
#4 Cast(#3) to=1
#5 Mul(#4, #0)
#6 Constant() value=tensor [-1, 1, 1]
#7 Reshape(b, #6)
#8 Add(#5, #7)
)");
}

TEST(ConvRule, Int8ForNewOnes) {
  auto builder = ConvModel();
  Selection selection;
  selection.target = {1, 24};
  EXPECT_THAT(DecideLast(builder, selection),
              HasSubstr("ConvInteger(activation0.data, weight0.data, activation0.zero_point)\n"));
  EXPECT_FALSE((TargetRuntime{1, 23}).conv_takes_int8());
  EXPECT_TRUE((TargetRuntime{2, 0}).conv_takes_int8());
}

ModelBuilder LstmModel() {
  ModelBuilder builder;
  builder.Initializer("w", {1, 12, 5}, RandomValues(60)).Initializer("r", {1, 12, 3}, RandomValues(36));
  builder.Node("LSTM", {"x", "w", "r", "b"}, {"y", "", "c"});
  return builder;
}

TEST(LstmRule, TurnsItsWeights) {
  auto builder = LstmModel();
  EXPECT_EQ(DecideLast(builder), R"(
weight w as {12, 5, 1} transposed -> [1, 5, 12], scales [1, 12] * 1
weight r as {12, 3, 1} transposed -> [1, 3, 12], scales [1, 12] * 1
#0 Constant() value=tensor [0]
#1 Cast(#0) to=3
#2 Constant() value=tensor [1, 12]
#3 Expand(#1, #2)
#4 com.microsoft.DynamicQuantizeLSTM(x, weight0.data, weight1.data, b, , , , , weight0.scale, #3, weight1.scale, #3)
)");
}

TEST(LstmRule, Refusals) {
  auto layout = LstmModel();
  SetInt(*layout.graph().mutable_node(0), "layout", 1);
  EXPECT_EQ(DecideLast(layout), "shape: layout 1");
  ModelBuilder computed;
  computed.Initializer("w", {1, 12, 5}, RandomValues(60)).Node("LSTM", {"x", "w", "r"}, {"y"});
  EXPECT_THAT(DecideLast(computed), HasSubstr("not-constant"));
  auto tensor = LstmModel();
  Selection one_scale;
  one_scale.granularity = Granularity::kTensor;
  EXPECT_THAT(DecideLast(tensor, one_scale), HasSubstr("shape: "));
}

ModelBuilder AttentionModel(const std::vector<std::string>& inputs) {
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
  EXPECT_EQ(DecideLast(no_bias), "shape: it has no bias");
  auto bias = AttentionModel({"x", "w", "b", "", "", "attention_bias"});
  EXPECT_EQ(DecideLast(bias), "shape: QAttention has no such input");
  auto sizes = AttentionModel({"x", "w", "b"});
  auto& attribute = *sizes.graph().mutable_node(0)->add_attribute();
  attribute.set_name("qkv_hidden_sizes");
  attribute.set_type(onnx::AttributeProto::INTS);
  for (int i = 0; i < 3; ++i) attribute.add_ints(8);
  EXPECT_EQ(DecideLast(sizes), "shape: QAttention has no qkv_hidden_sizes");
}

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
  EXPECT_EQ(DecideLast(builder), "shape: on the left, and the rank on the right is not known");
  ModelBuilder vector;
  vector.Input("x", {5}).Initializer("w", {3, 5}, RandomValues(15)).Node("MatMul", {"w", "x"}, {"y"});
  EXPECT_EQ(DecideLast(vector), "shape: on the left of a vector");
}

// Types follow from what is declared, through operators that keep them.
TEST(ElementTypes, AreFollowedForward) {
  ModelBuilder builder;
  builder.Input("x", {2, 2});
  builder.Node("Softmax", {"x"}, {"a"});
  SetInt(builder.Node("Cast", {"a"}, {"b"}), "to", onnx::TensorProto::FLOAT16);
  builder.Node("Transpose", {"b"}, {"c"});
  builder.Node("Shape", {"c"}, {"d"});
  builder.Node("Add", {"a", "a"}, {"e"}).set_domain("com.example");
  builder.Node("Where", {"d", "b", "b"}, {"f"});
  testing::MemoryFileSystem files;
  files.Add("m.onnx", builder.model().SerializeAsString());
  const Model model = Model::Load(files, "m.onnx");
  const auto types = InferElementTypes(model);
  const auto type_of = [&](std::string_view name) {
    for (ValueId id = 0; id < model.values().size(); ++id) {
      if (model.values()[id].name == name) return types[id];
    }
    return DataType::kString;
  };
  EXPECT_EQ(type_of("a"), DataType::kFloat);
  EXPECT_EQ(type_of("b"), DataType::kFloat16);
  EXPECT_EQ(type_of("c"), DataType::kFloat16);
  EXPECT_EQ(type_of("d"), DataType::kUndefined);
  EXPECT_EQ(type_of("e"), DataType::kUndefined);
  EXPECT_EQ(type_of("f"), DataType::kFloat16);
}

}  // namespace
}  // namespace qi8
