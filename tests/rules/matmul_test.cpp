// The rule for MatMul, and what all rules ask of a weight.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>

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

TEST(MatMulRule, NeedsOpset11) {
  for (const std::int64_t opset : {1, 9, 10}) {
    ModelBuilder builder(opset);
    builder.Initializer("w", {3, 5}, RandomValues(15)).Node("MatMul", {"x", "w"}, {"y"});
    EXPECT_EQ(DecideLast(builder), "opset: opset " + std::to_string(opset) + ", needed is 11");
  }
  ModelBuilder builder(11);
  builder.Initializer("w", {3, 5}, RandomValues(15)).Node("MatMul", {"x", "w"}, {"y"});
  EXPECT_EQ(DecideLast(builder), kEdit);
}

TEST(MatMulRule, NeedsAnOpsetOfOnnxItself) {
  ModelBuilder builder(17);
  builder.model().mutable_opset_import(0)->set_domain("com.microsoft");
  builder.Initializer("w", {3, 5}, RandomValues(15)).Node("MatMul", {"x", "w"}, {"y"});
  EXPECT_EQ(DecideLast(builder), "opset: opset 0, needed is 11");
  builder.model().mutable_opset_import(0)->set_domain("ai.onnx");
  EXPECT_EQ(DecideLast(builder), kEdit);
}

TEST(MatMulRule, TakesNoVectors) {
  ModelBuilder builder;
  builder.Initializer("w", {15}, RandomValues(15)).Node("MatMul", {"x", "w"}, {"y"});
  EXPECT_EQ(DecideLast(builder), "shape: rank 1");
}

// What ConstantWeight refuses, by way of the rule that needs nothing more.
std::string Refusal(const std::function<void(ModelBuilder&)>& change) {
  ModelBuilder builder;
  builder.Input("x", {2, 3}).Initializer("w", {3, 5}, RandomValues(15));
  change(builder);
  builder.Node("MatMul", {"x", "w"}, {"y"});
  return DecideLast(builder);
}

TEST(ConstantWeight, Refusals) {
  ASSERT_EQ(Refusal([](auto&) {}), kEdit);
  EXPECT_EQ(Refusal([](auto& builder) { builder.Input("w", {3, 5}); }), "overridable: ");
  EXPECT_EQ(Refusal([](auto& builder) {
              builder.Initializer("w", {3, 5}, RandomValues(15));
            }),
            "ambiguous: ");
  EXPECT_EQ(Refusal([](auto& builder) { builder.Node("Op", {}, {"w"}); }), "ambiguous: ");
  EXPECT_EQ(Refusal([](auto& builder) {
              builder.graph().clear_initializer();
              builder.Node("Op", {}, {"w"});
            }),
            "not-constant: ");
  EXPECT_EQ(Refusal([](auto& builder) {
              builder.graph().clear_initializer();
              builder.Input("w", {3, 5});
            }),
            "not-constant: ");
  EXPECT_EQ(Refusal([](auto& builder) { builder.graph().clear_initializer(); }),
            "not-constant: it has no such input");
  EXPECT_EQ(Refusal([](auto& builder) {
              auto& tensor = *builder.graph().mutable_initializer(0);
              tensor.set_data_type(onnx::TensorProto::FLOAT16);
              tensor.set_raw_data(std::string(30, '\1'));
            }),
            "type: float16");
  EXPECT_EQ(Refusal([](auto& builder) {
              auto& tensor = *builder.graph().mutable_initializer(0);
              tensor.set_data_type(onnx::TensorProto::DOUBLE);
              tensor.set_raw_data(std::string(120, '\1'));
            }),
            "type: float64");
  EXPECT_EQ(Refusal([](auto& builder) {
              auto& tensor = *builder.graph().mutable_initializer(0);
              tensor.set_dims(0, 0);
              tensor.clear_raw_data();
            }),
            "type: stored in another form than raw numbers");
  EXPECT_EQ(Refusal([](auto& builder) {
              auto& sparse = *builder.graph().add_sparse_initializer()->mutable_values();
              *sparse.mutable_name() = "w";
              builder.graph().clear_initializer();
            }),
            "type: stored in another form than raw numbers");
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
  EXPECT_EQ(testing::DecisionText(model, FindRule("MatMul")->plan(model, model.nodes()[0])),
            "shape: it is empty");
}

TEST(ConstantWeight, NodesThatAreNotWhole) {
  for (const auto& inputs : {std::vector<std::string>{}, {"x"}, {"x", ""}}) {
    for (const char* op : {"MatMul", "Gemm"}) {
      ModelBuilder builder;
      builder.Node(op, inputs, {"y"});
      EXPECT_EQ(DecideLast(builder), "not-constant: it has no such input") << op;
    }
  }
}

TEST(Rules, AreFoundByOperator) {
  std::set<std::string_view> names;
  for (const Rule& rule : AllRules()) {
    EXPECT_EQ(FindRule(rule.op_type), &rule);
    EXPECT_TRUE(names.insert(rule.op_type).second) << rule.op_type << " stands twice in rules.def";
  }
  EXPECT_EQ(FindRule("Nonesuch"), nullptr);
  EXPECT_EQ(FindRule(""), nullptr);
  for (const char* op : {"MatMul", "Gemm", "Gather"}) {
    ASSERT_NE(FindRule(op), nullptr);
    EXPECT_TRUE(FindRule(op)->on_by_default);
  }
  EXPECT_EQ(FindRule("Gather")->weight_input, 0U);
  EXPECT_EQ(FindRule("Gemm")->weight_input, 1U);
}

}  // namespace
}  // namespace qi8
