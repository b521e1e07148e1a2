// What a loaded model tells of itself.
#include "model/model.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/model_builder.hpp"
#include "support/temp_folder.hpp"

namespace qi8 {
namespace {

using ::testing::ElementsAre;
using testing::ModelBuilder;
using testing::RandomValues;

class ModelTest : public ::testing::Test {
 protected:
  [[nodiscard]] Model Load(ModelBuilder& builder) {
    builder.Save(folder_ / "m.onnx");
    return Model::Load(*file_system_, folder_ / "m.onnx");
  }

  [[nodiscard]] static ValueId Find(const Model& model, const std::string& name) {
    for (ValueId id = 0; id < model.values().size(); ++id) {
      if (model.values()[id].name == name) return id;
    }
    throw std::logic_error("no value " + name);
  }

  testing::TempFolder folder_;
  std::unique_ptr<FileSystem> file_system_ = MakePosixFileSystem();
};

TEST_F(ModelTest, HeaderIsWhatTheFileSays) {
  ModelBuilder builder(17, 8);
  auto& input = *builder.Input("x", {3}).graph().mutable_input(0);
  auto& shape = *input.mutable_type()->mutable_tensor_type()->mutable_shape();
  shape.add_dim()->set_dim_param("batch");
  shape.add_dim();
  builder.Input("w", {4}).Initializer("w", {4}, RandomValues(4)).Output("y", {4});
  builder.graph().add_output()->set_name("untyped");
  builder.model().set_producer_name("maker");
  builder.model().set_domain("org.example");
  builder.model().set_model_version(7);
  builder.graph().set_name("main");
  const ModelHeader header = Load(builder).Header();
  EXPECT_EQ(header.ir_version, 8);
  EXPECT_EQ(header.producer_name, "maker");
  EXPECT_EQ(header.producer_version, "");
  EXPECT_EQ(header.domain, "org.example");
  EXPECT_EQ(header.model_version, 7);
  EXPECT_EQ(header.graph_name, "main");
  ASSERT_EQ(header.inputs.size(), 1U) << "w has a default";
  EXPECT_EQ(header.inputs[0].type, DataType::kFloat);
  EXPECT_THAT(header.inputs[0].dims.value(), ElementsAre("3", "batch", "?"));
  ASSERT_EQ(header.outputs.size(), 2U);
  EXPECT_EQ(header.outputs[1].type, DataType::kUndefined);
  EXPECT_FALSE(header.outputs[1].dims);
}

TEST_F(ModelTest, ConstantsAreKnownWhereverTheyStand) {
  ModelBuilder builder;
  builder.Initializer("large", {4, 5}, RandomValues(20)).Int64Initializer("small", {3}, {1, 2, 3});
  testing::SetInts(builder.Node("Constant", {}, {"ints"}), "value_ints", {4, 5});
  testing::SetInt(builder.Node("Constant", {}, {"int"}), "value_int", 6);
  builder.Node("Abs", {"large"}, {"computed"});
  const Model model = Load(builder);
  const auto constant = [&model](const char* name) { return model.Constant(Find(model, name)); };
  EXPECT_EQ(constant("large")->type, DataType::kFloat);
  EXPECT_THAT(constant("large")->dims, ElementsAre(4, 5));
  EXPECT_EQ(constant("small")->type, DataType::kInt64);
  EXPECT_THAT(constant("small")->dims, ElementsAre(3));
  EXPECT_TRUE(constant("small")->is_whole);
  EXPECT_THAT(constant("ints")->dims, ElementsAre(2));
  EXPECT_THAT(constant("int")->dims, ElementsAre());
  EXPECT_FALSE(constant("computed"));
}

TEST_F(ModelTest, ConstantsOfAnotherNumberOfElementsAreNotWhole) {
  const auto is_whole = [this](const std::function<void(onnx::TensorProto&)>& fill) {
    ModelBuilder builder;
    auto& tensor = *builder.graph().add_initializer();
    tensor.set_name("t");
    tensor.add_dims(3);
    fill(tensor);
    const Model model = Load(builder);
    return model.Constant(Find(model, "t"))->is_whole;
  };
  for (const int count : {2, 3, 4}) {
    EXPECT_EQ(is_whole([count](onnx::TensorProto& tensor) {
                tensor.set_data_type(onnx::TensorProto::INT8);
                tensor.set_raw_data(std::string(static_cast<std::size_t>(count), 'x'));
              }),
              count == 3);
    EXPECT_EQ(is_whole([count](onnx::TensorProto& tensor) {
                tensor.set_data_type(onnx::TensorProto::INT8);
                for (int i = 0; i < count; ++i) tensor.add_int32_data(i);
              }),
              count == 3);
    EXPECT_EQ(is_whole([count](onnx::TensorProto& tensor) {  // two in a byte
                tensor.set_data_type(22);
                for (int i = 0; i < count; ++i) tensor.add_int32_data(i);
              }),
              count == 2);
  }
}

TEST_F(ModelTest, OutputsOfGraphsAreResolved) {
  ModelBuilder builder;
  builder.Input("x", {2}).Output("y", {2}).Output("nowhere", {2});
  builder.Node("Abs", {"x"}, {"y"});
  const Model model = Load(builder);
  ASSERT_EQ(model.graphs().size(), 1U);
  EXPECT_THAT(model.graphs()[0].outputs, ElementsAre("y", "nowhere"));
  EXPECT_THAT(model.graphs()[0].output_values, ElementsAre(Find(model, "y"), kNone));
}

TEST_F(ModelTest, MetadataCanBeReadAndRemovedByPrefix) {
  ModelBuilder builder;
  for (const char* key : {"ours.a", "theirs", "ours.b", "our"}) {
    auto& entry = *builder.model().add_metadata_props();
    entry.set_key(key);
    entry.set_value(std::string("value of ") + key);
  }
  Model model = Load(builder);
  ASSERT_EQ(model.Metadata().size(), 4U);
  EXPECT_EQ(model.Metadata()[2].key, "ours.b");
  EXPECT_EQ(model.Metadata()[2].value, "value of ours.b");
  model.RemoveMetadata("ours.");
  ASSERT_EQ(model.Metadata().size(), 2U);
  EXPECT_EQ(model.Metadata()[0].key, "theirs");
  EXPECT_EQ(model.Metadata()[1].key, "our");
}

}  // namespace
}  // namespace qi8
