#include "tune/units.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "support/any_size.hpp"
#include "support/memory_file_system.hpp"
#include "support/model_builder.hpp"

namespace qi8::tune {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::ModelBuilder;
using testing::RandomValues;

const std::vector<Form> kForms = {{FormKind::kPerTensor}, {FormKind::kPerToken}, {FormKind::kResidual}};

class FindUnitsTest : public ::testing::Test {
 protected:
  FindUnitsTest() {
    builder_.Input("x", {2, 32}).Input("i", {3}, onnx::TensorProto::INT64);
    builder_.Initializer("w", {32, 32}, RandomValues(1024)).Initializer("v", {32, 32}, RandomValues(1024, 2));
  }

  [[nodiscard]] Model Load() {
    files_.Add("m.onnx", builder_.model().SerializeAsString());
    return Model::Load(files_, "m.onnx");
  }

  [[nodiscard]] static Units Find(const Model& model) {
    return FindUnits(model, testing::OfAnySize(), kForms, {});
  }

  [[nodiscard]] static std::vector<std::string> Forms(const Unit& unit) {
    std::vector<std::string> forms;
    for (const Choice& choice : unit.choices) forms.push_back(choice.written);
    return forms;
  }

  ModelBuilder builder_;
  testing::MemoryFileSystem files_;
};

TEST_F(FindUnitsTest, AProductHasEachForm) {
  builder_.Output("y", {2, 32}).Node("MatMul", {"x", "w"}, {"y"}, "m");
  const Model model = Load();
  const Units found = Find(model);
  ASSERT_EQ(found.units.size(), 1U);
  const Unit& unit = found.units[0];
  EXPECT_THAT(Forms(unit), ElementsAre("per-tensor", "per-token", "residual", "float32"));
  EXPECT_THAT(unit.names, ElementsAre("m"));
  EXPECT_THAT(unit.weight_dims, ElementsAre(32, 32));
  ASSERT_EQ(unit.reads.size(), 1U);
  EXPECT_EQ(model.values()[unit.reads[0]].name, "x");
  ASSERT_EQ(unit.gives.size(), 1U);
  EXPECT_EQ(model.values()[unit.gives[0]].name, "y");
  EXPECT_EQ(unit.choices[0].bytes(), 1024U + 128U) << "codes and scales";
  EXPECT_EQ(unit.choices.back().bytes(), 4096U);
}

TEST_F(FindUnitsTest, AnOperatorOfOneFormHasThatAndFloat32) {
  builder_.Output("y", {3, 32}).Node("Gather", {"w", "i"}, {"y"}, "g");
  const Model model = Load();
  const Units found = Find(model);
  ASSERT_EQ(found.units.size(), 1U);
  EXPECT_THAT(Forms(found.units[0]), ElementsAre("int8", "float32"));
}

TEST_F(FindUnitsTest, ANodeWithoutANameGoesByItsOutput) {
  builder_.Output("y", {2, 32}).Node("MatMul", {"x", "w"}, {"y"});
  const Model model = Load();
  const Units found = Find(model);
  ASSERT_EQ(found.units.size(), 1U);
  EXPECT_THAT(found.units[0].names, ElementsAre("y"));
}

TEST_F(FindUnitsTest, NodesOfOneNameCannotBePlanned) {
  builder_.Output("z", {2, 32}).Node("MatMul", {"x", "w"}, {"y"}, "m");
  builder_.Node("MatMul", {"y", "v"}, {"z"}, "m");
  const Model model = Load();
  const Units found = Find(model);
  EXPECT_THAT(found.units, IsEmpty());
  EXPECT_THAT(found.unplanned, ElementsAre("m"));
}

// A weight behind operators that only show it in another way is a constant, and no input of the unit.
TEST_F(FindUnitsTest, ReadsNoConstants) {
  builder_.Output("y", {2, 32}).Node("Transpose", {"w"}, {"t"}, "t");
  builder_.Node("MatMul", {"x", "t"}, {"y"}, "m");
  const Model model = Load();
  const Units found = Find(model);
  ASSERT_EQ(found.units.size(), 1U);
  EXPECT_EQ(found.units[0].reads.size(), 1U);
}

TEST_F(FindUnitsTest, WhatStandsInBodiesIsOneUnit) {
  builder_.Input("condition", {}, onnx::TensorProto::BOOL).Output("y", {2, 32});
  auto& node = builder_.Node("If", {"condition"}, {"y"}, "if");
  for (const std::string branch : {"then_branch", "else_branch"}) {
    auto& body = testing::SetGraph(node, branch);
    body.set_name(branch);
    auto& product = *body.add_node();
    product.set_op_type("MatMul");
    product.set_name(branch + "/m");
    product.add_input("x");
    product.add_input(branch == "then_branch" ? "w" : "v");
    product.add_output(branch + "_y");
    auto& output = *body.add_output();
    output.set_name(branch + "_y");
    output.mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT);
  }
  const Model model = Load();
  const Units found = Find(model);
  ASSERT_EQ(found.units.size(), 1U);
  const Unit& unit = found.units[0];
  EXPECT_EQ(unit.op_type, "If");
  EXPECT_THAT(unit.names, ElementsAre("then_branch/m", "else_branch/m"));
  std::vector<std::string_view> reads;
  for (const ValueId id : unit.reads) reads.push_back(model.values()[id].name);
  EXPECT_THAT(reads, ::testing::UnorderedElementsAre("x", "condition"));
}

TEST_F(FindUnitsTest, FormsOfOneLeaveAllOthersAsTheyAre) {
  builder_.Output("z", {2, 32}).Node("MatMul", {"x", "w"}, {"y"}, "m");
  builder_.Node("MatMul", {"y", "v"}, {"z"}, "n");
  const Model model = Load();
  const Units found = Find(model);
  ASSERT_EQ(found.units.size(), 2U);
  const auto forms = FormsOfOne(model, found.units[1], found.units[1].choices[1]);
  EXPECT_EQ(forms, (std::vector<Form>{{FormKind::kFloat32}, {FormKind::kPerToken}}));
}

TEST(ConstantValuesTest, FollowThroughNodesButNotThroughChance) {
  ModelBuilder builder;
  builder.Input("x", {2}).Output("z", {2}).Initializer("w", {2}, RandomValues(2));
  builder.Node("Neg", {"w"}, {"n"}, "n");
  builder.Node("RandomNormalLike", {"w"}, {"r"}, "r");
  builder.Node("Add", {"n", "x"}, {"y"}, "a");
  builder.Node("Add", {"y", "r"}, {"z"}, "b");
  testing::MemoryFileSystem files;
  files.Add("m.onnx", builder.model().SerializeAsString());
  const Model model = Model::Load(files, "m.onnx");
  const std::vector<bool> is_constant = ConstantValues(model);
  std::vector<std::string_view> constant;
  for (ValueId id = 0; id < is_constant.size(); ++id) {
    if (is_constant[id]) constant.push_back(model.values()[id].name);
  }
  EXPECT_THAT(constant, ::testing::UnorderedElementsAre("w", "n"));
}

}  // namespace
}  // namespace qi8::tune
