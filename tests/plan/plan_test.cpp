// What becomes of nodes and tensors.
#include "plan/plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "plan/plan_report.hpp"
#include "plan/planned.hpp"
#include "qi8/error.hpp"
#include "support/stride.hpp"

namespace qi8 {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::ModelBuilder;
using testing::Planned;
using testing::PlanOf;
using testing::RandomValues;
using testing::SetFloat;
using testing::SetGraph;
using testing::SetInt;

constexpr std::int64_t kSide = 8;

[[nodiscard]] ModelBuilder WithWeight(const std::string& name = "w") {
  ModelBuilder builder;
  builder.Initializer(name, {kSide, kSide}, RandomValues(kSide * kSide));
  return builder;
}

// ---------------------------------------------------------------- weights

TEST(PlanWeights, OneThatTwoNodesShareIsOne) {
  auto builder = WithWeight();
  builder.Node("MatMul", {"x", "w"}, {"a"}, "first");
  builder.Node("MatMul", {"z", "w"}, {"b"}, "second");
  builder.Node("Gemm", {"z", "w"}, {"c"}, "third");
  const Planned planned = PlanOf(builder);
  EXPECT_EQ(planned.Decisions(), "MatMul first: INT8\nMatMul second: INT8\nGemm third: INT8\n");
  EXPECT_THAT(planned.NewNames(), ElementsAre("w_quantized", "w_scale"));
  ASSERT_EQ(planned.plan.weights.size(), 1U);
  const QuantizedWeight& weight = planned.plan.weights[0];
  EXPECT_EQ(weight.source, 0U);
  EXPECT_EQ(weight.encoding.shape, (ChannelShape{1, 8, 8}));
  ASSERT_EQ(weight.outputs.size(), 2U);
  EXPECT_EQ(weight.codes(), 1U) << "the input has one tensor, number 0";
  EXPECT_EQ(weight.outputs[1].part, WeightPart::kScales);
  EXPECT_EQ(weight.outputs[1].tensor, 2U);
  EXPECT_EQ(weight.outputs[1].factor, 1.0F);
  EXPECT_THAT(planned.RemovedNames(), ElementsAre("w"));
  EXPECT_EQ(planned.plan.rewrite.new_tensors[0].bytes, 64U);
  EXPECT_EQ(planned.plan.rewrite.new_tensors[1].bytes, 32U);
  for (const NewNode& node : planned.NewNodes("MatMulInteger")) EXPECT_EQ(node.inputs[1], "w_quantized");
}

TEST(PlanWeights, DifferentFactorsShareTheInt8Tensor) {
  auto builder = WithWeight();
  SetFloat(builder.Node("Gemm", {"x", "w"}, {"a"}), "alpha", 2);
  SetFloat(builder.Node("Gemm", {"x", "w"}, {"b"}), "alpha", 3);
  SetFloat(builder.Node("Gemm", {"x", "w"}, {"c"}), "alpha", 2);
  builder.Node("MatMul", {"x", "w"}, {"d"});
  const Planned planned = PlanOf(builder);
  EXPECT_THAT(planned.NewNames(), ElementsAre("w_quantized", "w_scale", "w_scale_2", "w_scale_3"));
  ASSERT_EQ(planned.plan.weights.size(), 1U);
  std::vector<float> factors;
  for (const WeightOutput& output : planned.plan.weights[0].outputs) {
    if (output.part == WeightPart::kScales) factors.push_back(output.factor);
  }
  EXPECT_THAT(factors, ElementsAre(2.0F, 3.0F, 1.0F));
  std::vector<std::string> scales;
  for (const NewNode& node : planned.NewNodes("Mul")) {
    if (node.inputs[0] == "x_scale") scales.push_back(node.inputs[1]);
  }
  EXPECT_THAT(scales, ElementsAre("w_scale", "w_scale_2", "w_scale", "w_scale_3"));
}

// MatMul wants a scale for each column. Gemm with transB wants one for each row, and so a Gather falls in
// with it.
TEST(PlanWeights, DifferentShapesAreTwo) {
  auto builder = WithWeight("table");
  builder.Node("MatMul", {"x", "table"}, {"a"});
  builder.Node("Gather", {"table", "i"}, {"b"});
  SetInt(builder.Node("Gemm", {"x", "table"}, {"c"}), "transB", 1);
  const Planned planned = PlanOf(builder);
  ASSERT_EQ(planned.plan.weights.size(), 2U);
  EXPECT_EQ(planned.plan.weights[0].encoding.shape, (ChannelShape{1, 8, 8}));
  EXPECT_EQ(planned.plan.weights[1].encoding.shape, (ChannelShape{8, 8, 1}));
  EXPECT_FALSE(planned.plan.weights[1].transposition) << "Gather reads it as it is stored";
  EXPECT_EQ(planned.NewNodes("Transpose").size(), 1U);
  EXPECT_THAT(planned.RemovedNames(), ElementsAre("table"));
}

TEST(PlanWeights, TwoNamesForTheSameBytesAreOne) {
  ModelBuilder builder;
  for (const char* name : {"a", "b"}) testing::External(builder.graph(), name, {8, 8}, "d", 0);
  testing::External(builder.graph(), "other", {8, 8}, "d", 4);
  for (const char* name : {"a", "b", "other"}) builder.Node("MatMul", {"x", name}, {std::string("y") + name});
  Planned planned;
  planned.files->AddZeros("d", 260);
  planned.Make(builder);
  EXPECT_THAT(planned.NewNames(), ElementsAre("a_quantized", "a_scale", "other_quantized", "other_scale"));
  EXPECT_THAT(planned.RemovedNames(), ElementsAre("a", "b", "other"));
}

TEST(PlanWeights, ThatAnotherNodeNeedsStayToo) {
  auto builder = WithWeight();
  builder.Node("MatMul", {"x", "w"}, {"a"});
  builder.Node("Op", {"w"}, {"b"});
  EXPECT_THAT(PlanOf(builder).RemovedNames(), IsEmpty());

  auto output = WithWeight();
  output.Output("w", {8, 8}).Node("MatMul", {"x", "w"}, {"a"});
  EXPECT_THAT(PlanOf(output).RemovedNames(), IsEmpty());

  auto twice = WithWeight();  // as weight and as activation of one node
  twice.Node("MatMul", {"w", "w"}, {"a"});
  EXPECT_THAT(PlanOf(twice).RemovedNames(), IsEmpty());

  auto in_body = WithWeight();
  in_body.Node("MatMul", {"x", "w"}, {"a"});
  auto& inner = *SetGraph(in_body.Node("If", {"c"}, {"b"}), "then_branch").add_node();
  inner.set_op_type("Op");
  inner.add_input("w");
  EXPECT_THAT(PlanOf(in_body).RemovedNames(), IsEmpty());
}

TEST(PlanWeights, ThatNobodyReadAreNotOursToRemove) {
  auto builder = WithWeight();
  builder.Initializer("unused", {4}, RandomValues(4)).Node("MatMul", {"x", "w"}, {"a"});
  EXPECT_THAT(PlanOf(builder).RemovedNames(), ElementsAre("w"));
}

TEST(PlanWeights, TheCThatBetaZeroDropsGoesToo) {
  auto builder = WithWeight();
  builder.Initializer("c", {kSide}, RandomValues(kSide));
  SetFloat(builder.Node("Gemm", {"x", "w", "c"}, {"y"}), "beta", 0);
  EXPECT_THAT(PlanOf(builder).RemovedNames(), ElementsAre("c", "w"));

  auto kept = WithWeight();
  kept.Initializer("c", {kSide}, RandomValues(kSide));
  SetFloat(kept.Node("Gemm", {"x", "w", "c"}, {"y"}), "beta", 0.5F);
  EXPECT_THAT(PlanOf(kept).RemovedNames(), ElementsAre("w"));
}

// What is left of another model that once had them: a type that is not ours, an output that nothing gives.
TEST(PlanWeights, NamesOfValuesThatAreNotThereAreTaken) {
  auto builder = WithWeight();
  builder.Node("MatMul", {"x", "w"}, {"y"}).set_name("m");
  auto& info = *builder.graph().add_value_info();
  info.set_name("w_quantized");
  info.mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT);
  builder.graph().add_quantization_annotation()->set_tensor_name("w_scale");
  builder.Output("x_quantized", {8});
  const Planned planned = PlanOf(builder);
  EXPECT_THAT(planned.NewNames(), ElementsAre("w_quantized_2", "w_scale_2"));
  ASSERT_EQ(planned.plan.rewrite.replacements.size(), 1U);
  EXPECT_EQ(planned.plan.rewrite.replacements[0].nodes[0].outputs[0], "x_quantized_2");
}

// A caller need not feed an input that has a default; without it, it would have to.
TEST(PlanWeights, DefaultsOfInputsStay) {
  auto builder = WithWeight();
  builder.Input("c", {kSide}).Initializer("c", {kSide}, RandomValues(kSide));
  SetFloat(builder.Node("Gemm", {"x", "w", "c"}, {"y"}), "beta", 0);
  EXPECT_THAT(PlanOf(builder).RemovedNames(), ElementsAre("w"));
}

TEST(PlanWeights, InBodiesStayInTheirGraph) {
  ModelBuilder builder;
  builder.Initializer("outer", {8, 8}, RandomValues(64));
  auto& body = SetGraph(builder.Node("If", {"c"}, {"y"}), "then_branch");
  auto& weight = *body.add_initializer();
  weight = builder.graph().initializer(0);
  weight.set_name("inner");
  for (const char* name : {"outer", "inner"}) {
    auto& node = *body.add_node();
    node.set_op_type("MatMul");
    node.add_input("x");
    node.add_input(name);
    node.add_output(std::string("y_") + name);
  }
  const Planned planned = PlanOf(builder);
  ASSERT_THAT(planned.NewNames(),
              ElementsAre("outer_quantized", "outer_scale", "inner_quantized", "inner_scale"));
  EXPECT_EQ(planned.plan.rewrite.new_tensors[0].graph, 0U);
  EXPECT_EQ(planned.plan.rewrite.new_tensors[1].graph, 0U);
  EXPECT_EQ(planned.plan.rewrite.new_tensors[2].graph, 1U);
  EXPECT_THAT(planned.RemovedNames(), ElementsAre("inner", "outer"));
}

// ---------------------------------------------------------------- activations

TEST(PlanActivations, AreQuantizedOnceInEachGraph) {
  auto builder = WithWeight();
  builder.Initializer("v", {8, 8}, RandomValues(64, 2));
  builder.Node("MatMul", {"x", "w"}, {"a"});
  builder.Node("MatMul", {"x", "v"}, {"b"});
  builder.Node("MatMul", {"a", "v"}, {"c"});
  auto& branch = builder.Node("If", {"c"}, {"d"});
  for (const char* name : {"then_branch", "else_branch"}) {
    auto& body = SetGraph(branch, name);
    for (const char* weight : {"w", "v"}) {
      auto& node = *body.add_node();
      node.set_op_type("MatMul");
      node.add_input("x");
      node.add_input(weight);
      node.add_output(std::string(name) + weight);
    }
  }
  const Planned planned = PlanOf(builder);
  std::vector<std::string> quantized;
  for (const NewNode& node : planned.NewNodes("DynamicQuantizeLinear")) {
    quantized.push_back(node.inputs[0] + "->" + node.outputs[0]);
    EXPECT_EQ(node.outputs.size(), 3U);
  }
  EXPECT_THAT(quantized,
              ElementsAre("x->x_quantized", "a->a_quantized", "x->x_quantized_2", "x->x_quantized_3"));
  std::vector<std::string> read;
  for (const NewNode& node : planned.NewNodes("MatMulInteger"))
    read.push_back(node.inputs[0] + " " + node.inputs[2]);
  EXPECT_THAT(read,
              ElementsAre("x_quantized x_zero_point", "x_quantized x_zero_point", "a_quantized a_zero_point",
                          "x_quantized_2 x_zero_point_2", "x_quantized_2 x_zero_point_2",
                          "x_quantized_3 x_zero_point_3", "x_quantized_3 x_zero_point_3"));
}

// Before the first node that reads it: in a sorted graph all later ones come after.
TEST(PlanActivations, AreQuantizedBeforeTheyAreRead) {
  auto builder = WithWeight();
  builder.Node("MatMul", {"x", "w"}, {"y"});
  const Planned planned = PlanOf(builder);
  ASSERT_EQ(planned.plan.rewrite.replacements.size(), 1U);
  std::string order;
  for (const NewNode& node : planned.plan.rewrite.replacements[0].nodes) order += node.op_type + " ";
  EXPECT_EQ(order, "DynamicQuantizeLinear Mul MatMulInteger Cast Mul ");
  EXPECT_THAT(planned.plan.rewrite.replacements[0].nodes.back().outputs, ElementsAre("y"));
}

// ---------------------------------------------------------------- decisions

TEST(PlanDecisions, TellOfTheWeight) {
  auto builder = WithWeight();
  builder.Node("MatMul", {"x", "w"}, {"y"}, "m");
  const Planned planned = PlanOf(builder);
  ASSERT_EQ(planned.plan.nodes.size(), 1U);
  const NodeDecision& node = planned.plan.nodes[0];
  EXPECT_EQ(node.node, "m");
  EXPECT_EQ(node.op_type, "MatMul");
  EXPECT_EQ(node.weight, "w");
  EXPECT_EQ(node.weight_type, "float32");
  EXPECT_THAT(node.weight_shape, ElementsAre(8, 8));
  EXPECT_EQ(node.weight_bytes, 256U);
  EXPECT_EQ(node.quantized_bytes, 64U + 32U);
  EXPECT_FALSE(node.skip);
}

TEST(PlanDecisions, WeightsThatWouldNotShrinkStay) {
  // One row: 4 bytes of scale and 1 of INT8 where there were 4.
  ModelBuilder builder;
  builder.Initializer("row", {1, 64}, RandomValues(64)).Node("MatMul", {"x", "row"}, {"a"}, "row");
  builder.Initializer("column", {64, 1}, RandomValues(64)).Node("MatMul", {"x", "column"}, {"b"}, "column");
  builder.Initializer("table", {64, 1}, RandomValues(64)).Node("Gather", {"table", "i"}, {"c"}, "table");
  const Planned planned = PlanOf(builder);
  EXPECT_EQ(planned.Decisions(), "MatMul row: no-saving\nMatMul column: INT8\nGather table: no-saving\n");
}

TEST(PlanDecisions, SmallWeightsStayWhereAsked) {
  auto builder = WithWeight();
  builder.Node("MatMul", {"x", "w"}, {"y"}, "m");
  Selection selection;
  selection.min_elements = 64;
  EXPECT_EQ(PlanOf(builder, selection).Decisions(), "MatMul m: INT8\n");
  selection.min_elements = 65;
  EXPECT_EQ(PlanOf(builder, selection).Decisions(), "MatMul m: too-small (64 elements)\n");
}

TEST(PlanDecisions, TooManyChannels) {
  for (const auto& [channels, expected] :
       {std::pair(kMostChannels, "MatMul m: INT8\n"),
        std::pair(kMostChannels + 1, "MatMul m: shape (524289 output channels)\n")}) {
    ModelBuilder builder;
    testing::External(builder.graph(), "w", {8, static_cast<std::int64_t>(channels)}, "d", 0);
    builder.Node("MatMul", {"x", "w"}, {"y"}, "m");
    Planned planned;
    planned.files->AddZeros("d", 8 * channels * 4);
    planned.Make(builder);
    EXPECT_EQ(planned.Decisions(), expected);
  }
}

TEST(PlanDecisions, WhatIsListedAndWhatIsNot) {
  ModelBuilder builder;
  builder.Input("x", {4, 4})
      .Initializer("w", {4, 4}, RandomValues(16))
      .Initializer("bias", {15}, RandomValues(15));
  builder.Int64Initializer("big", {200}, std::vector<std::int64_t>(200));
  builder.Node("Conv", {"x", "w", "bias"}, {"a"}, "conv");
  builder.Node("MatMul", {"x", "w"}, {"b"}, "elsewhere").set_domain("com.example");
  builder.Node("MatMul", {"x", "x"}, {"c"}, "two_activations");
  builder.Node("Gather", {"x", "i"}, {"d"}, "of_an_activation");
  builder.Node("Gather", {"big", "i"}, {"e"}, "of_integers");
  builder.Node("Relu", {"x"}, {"f"}, "no_weight");
  EXPECT_EQ(PlanOf(builder).Decisions(),
            "Conv conv: operator-not-selected (--store-int8 Conv would store it as INT8)\nMatMul elsewhere: "
            "no-rule\nMatMul two_activations: activations\n");
}

// A weight in the body of a function is listed too, though no node of a graph reads it.
TEST(PlanDecisions, WeightsThatAreNoInputs) {
  ModelBuilder builder;
  auto& function = *builder.model().add_functions();
  function.set_name("F");
  function.set_domain("local");
  auto& constant = *function.add_node();
  constant.set_op_type("Constant");
  testing::SetTensor(constant, "value", {4, 5}, RandomValues(20));
  builder.Node("F", {"x"}, {"y"}).set_domain("local");
  const Planned planned = PlanOf(builder);
  EXPECT_EQ(planned.Decisions(),
            "F : elsewhere (--optimize basic puts the function's nodes into the graph)\n");
  EXPECT_EQ(planned.plan.nodes.at(0).weight_bytes, 80U);
}

TEST(PlanDecisions, OverridableInitializersStay) {
  auto builder = WithWeight();
  builder.Input("w", {8, 8}).Node("MatMul", {"x", "w"}, {"y"}, "m");
  const Planned planned = PlanOf(builder);
  EXPECT_EQ(planned.Decisions(), "MatMul m: overridable (--override-inputs quantizes it)\n");
  EXPECT_THAT(planned.RemovedNames(), IsEmpty());
  EXPECT_THAT(planned.NewNames(), IsEmpty());
}

// The runtime lets nobody replace them before IR version 4.
TEST(PlanDecisions, InitializersThatAreInputsOfIr3AreConstants) {
  for (const bool override_inputs : {false, true}) {
    ModelBuilder builder(8, 3);
    builder.Input("x", {8, 8}).Input("w", {8, 8}).Initializer("w", {8, 8}, RandomValues(64));
    builder.Node("MatMul", {"x", "w"}, {"y"}, "m");
    Selection selection;
    selection.override_inputs = override_inputs;
    const Planned planned = PlanOf(builder, selection);
    EXPECT_EQ(planned.Decisions(), "MatMul m: INT8\n");
    EXPECT_THAT(planned.RemovedNames(), ::testing::ElementsAre("w"));
    EXPECT_EQ(ReportOf(*planned.model, planned.plan).constant_inputs, 1U);
  }
}

TEST(PlanDecisions, OpsetsThatAreTooOld) {
  ModelBuilder ancient(6);
  ancient.Initializer("w", {8, 8}, RandomValues(64)).Node("Gather", {"w", "i"}, {"z"}, "g");
  EXPECT_EQ(PlanOf(ancient).Decisions(), "Gather g: opset (opset 6; 7 or later is needed)\n");
  ModelBuilder builder(9);
  builder.Initializer("w", {8, 8}, RandomValues(64)).Node("MatMul", {"x", "w"}, {"y"}, "m");
  builder.Node("Gather", {"w", "i"}, {"z"}, "g");
  EXPECT_EQ(PlanOf(builder).Decisions(), "MatMul m: INT8\nGather g: INT8\n");
}

TEST(PlanDecisions, NodesWithoutOutputsStay) {
  for (const char* op_type : {"MatMul", "Gemm", "Gather", "Conv", "LSTM"}) {
    auto builder = WithWeight();
    const bool table_first = std::string_view(op_type) == "Gather";
    builder.Node(op_type,
                 table_first ? std::vector<std::string>{"w", "x"} : std::vector<std::string>{"x", "w"}, {},
                 "node");
    for (const bool store : {false, true}) {
      Selection selection;
      selection.ops = {"all"};
      if (store) selection.store_int8 = {"all"};
      const Planned planned = PlanOf(builder, selection);
      EXPECT_TRUE(planned.plan.rewrite.replacements.empty()) << op_type;
      EXPECT_THAT(planned.Decisions(), ::testing::Not(::testing::HasSubstr("INT8"))) << op_type;
    }
  }
}

TEST(PlanDecisions, InTheOrderOfTheGraphBodiesBehind) {
  auto builder = WithWeight();
  auto& branch = builder.Node("If", {"c"}, {"a"}, "if");
  auto& inner = *SetGraph(branch, "then_branch").add_node();
  inner.set_op_type("MatMul");
  inner.set_name("inner");
  inner.add_input("x");
  inner.add_input("w");
  inner.add_output("y");
  builder.Node("MatMul", {"x", "w"}, {"b"}, "last");
  EXPECT_EQ(PlanOf(builder).Decisions(), "MatMul last: INT8\nMatMul inner: INT8\n");
}

TEST(PlanDecisions, NothingOfNothing) {
  ModelBuilder builder;
  const Planned planned = PlanOf(builder);
  EXPECT_TRUE(planned.plan.nodes.empty());
  EXPECT_TRUE(planned.plan.weights.empty());
  EXPECT_TRUE(planned.plan.rewrite.replacements.empty());
}

// ---------------------------------------------------------------- files that mean harm

TEST(PlanHostile, NodesWithoutOutputsOrInputs) {
  for (const char* op : {"MatMul", "Gemm", "Gather"}) {
    for (const auto& outputs : {std::vector<std::string>{}, {""}}) {
      auto builder = WithWeight();
      const bool gather = std::string(op) == "Gather";
      builder.Node(op, {gather ? "w" : "x", gather ? "i" : "w"}, outputs, "n");
      const Planned planned = PlanOf(builder);
      EXPECT_TRUE(planned.plan.rewrite.replacements.empty()) << op;
    }
  }
  auto builder = WithWeight();
  builder.Node("MatMul", {"", "w"}, {"y"});
  EXPECT_TRUE(PlanOf(builder).plan.rewrite.replacements.empty()) << "a product of nothing";
}

// What takes the node's place would not give the second one, and who reads it would find another value of
// that name, in a graph around, or none.
TEST(PlanHostile, NodesWithAnOutputThatTheirOperatorDoesNotHave) {
  Selection all;
  all.ops = {"all"};
  for (const char* op : {"MatMul", "Gemm", "Gather", "Conv"}) {
    const bool gather = std::string(op) == "Gather";
    const auto plan_with = [&](std::vector<std::string> outputs) {
      ModelBuilder builder;
      builder.Initializer("w", std::string(op) == "Conv" ? testing::Dims{8, 8, 1, 1} : testing::Dims{8, 8},
                          RandomValues(64));
      builder.Node(op, {gather ? "w" : "x", gather ? "i" : "w"}, std::move(outputs), "n");
      return PlanOf(builder, all).Decisions();
    };
    EXPECT_EQ(plan_with({"y", "z"}),
              std::string(op) + " n: shape (it has an output that the operator does not have)\n");
    EXPECT_EQ(plan_with({"y", ""}), std::string(op) + " n: INT8\n");
  }
}

TEST(PlanHostile, AConstantWhoseSecondOutputIsReadStays) {
  for (const bool has_second : {false, true}) {
    ModelBuilder builder;
    auto& constant = builder.Node("Constant", {}, {"w"});
    testing::SetTensor(constant, "value", {8, 8}, RandomValues(64));
    if (has_second) constant.add_output("z");
    builder.Node("MatMul", {"x", "w"}, {"y"});
    builder.Node("Op", {"z"}, {"o"});
    const Planned planned = PlanOf(builder);
    const auto& replacements = planned.plan.rewrite.replacements;
    const auto removed =
        std::ranges::count_if(replacements, [](const auto& each) { return each.nodes.empty(); });
    EXPECT_EQ(removed, has_second ? 0 : 1);
  }
}

TEST(PlanHostile, NodesOfRulesWithBodies) {
  auto builder = WithWeight();
  auto& outer = builder.Node("MatMul", {"x", "w"}, {"y"}, "outer");
  auto& body = SetGraph(outer, "body");
  auto& weight = *body.add_initializer();
  weight = builder.graph().initializer(0);
  weight.set_name("inner_weight");
  auto& inner = *body.add_node();
  inner.set_op_type("MatMul");
  for (const char* name : {"x", "inner_weight"}) inner.add_input(name);
  inner.add_output("z");
  auto& constant = builder.Node("Constant", {}, {"c"});
  testing::SetTensor(constant, "value", {8, 8}, RandomValues(64));
  *SetGraph(constant, "body").add_node() = inner;
  builder.Node("MatMul", {"x", "c"}, {"v"});
  Planned planned = PlanOf(builder);
  EXPECT_NO_THROW(static_cast<void>(planned.LayOutNow()));
  EXPECT_NO_THROW(static_cast<void>(planned.Rewritten()));
}

// Damaged as it may be, what loads can be planned and laid out.
TEST(PlanHostile, RandomDamageWithoutEverCrashing) {
  ModelBuilder builder;
  builder.Input("x", {8, 8}).Output("y", {8, 8});
  builder.Initializer("w", {8, 8}, RandomValues(64)).Initializer("c", {8}, RandomValues(8));
  auto& gemm = builder.Node("Gemm", {"x", "w", "c"}, {"t"}, "gemm");
  SetInt(gemm, "transB", 1);
  SetInt(gemm, "transA", 1);
  SetFloat(gemm, "beta", 2);
  builder.Node("Gather", {"w", "i"}, {"u"}, "gather");
  testing::SetTensor(builder.Node("Constant", {}, {"k"}), "value", {8, 8}, RandomValues(64));
  auto& inner = *SetGraph(builder.Node("If", {"u"}, {"y"}), "then_branch").add_node();
  inner.set_op_type("MatMul");
  for (const char* name : {"t", "k"}) inner.add_input(name);
  inner.add_output("y");
  const std::string whole = builder.model().SerializeAsString();
  // The bytes of weights may be anything already: it is the graph around them that is damaged.
  std::vector<std::size_t> graph;
  const std::string weight = builder.graph().initializer(0).raw_data();
  const std::size_t start = whole.find(weight);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    if (i < start || i >= start + weight.size()) graph.push_back(i);
  }

  std::mt19937 random(11);
  std::size_t planned_count = 0;
  for (std::size_t round = 0; round < 4000 / testing::kStride; ++round) {
    std::string bytes = whole;
    for (std::size_t changes = 1 + random() % 3; changes > 0; --changes) {
      const std::size_t at = graph[random() % graph.size()];
      bytes[at] = random() % 2 == 0 ? static_cast<char>(random()) : static_cast<char>(bytes[at] ^ 1);
    }
    testing::MemoryFileSystem files;
    files.Add("m.onnx", bytes);
    try {
      Model model = Model::Load(files, "m.onnx");
      const Plan plan = MakePlan(model, testing::OfAnySize());
      model.Apply(plan.rewrite);
      const Layout layout = LayOut(model, plan, ExternalData::kAlways, "d", {});
      EXPECT_LT(layout.data_size + layout.model_size, 1'000'000U);
      ++planned_count;
    } catch (const Error&) {
    }
  }
  EXPECT_GT(planned_count, 500 / testing::kStride);
}

TEST(PlanHostile, ManyNodesAndWeightsTakeLinearTime) {
  constexpr unsigned kNodes = 20'000U / testing::kStride;
  ModelBuilder builder;
  for (unsigned i = 0; i < kNodes; ++i) {
    const std::string number = std::to_string(i);
    testing::External(builder.graph(), "w" + number, {16, 16}, "d", 1024U * i);
    builder.Node("MatMul", {"x" + number, "w" + number}, {"x" + std::to_string(i + 1)}, "m" + number);
  }
  Planned planned;
  planned.files->AddZeros("d", 1024U * kNodes);
  planned.Make(builder);
  EXPECT_EQ(planned.plan.weights.size(), kNodes);
  EXPECT_EQ(planned.LayOutNow().work.size(), kNodes);
}

// A quadratic search for a free name would take hours.
TEST(PlanHostile, ManyNodesOfOneName) {
  constexpr unsigned kNodes = 60'000U / testing::kStride;
  auto builder = WithWeight();
  for (unsigned i = 0; i < kNodes; ++i) builder.Node("MatMul", {"x", "w"}, {"y" + std::to_string(i)}, "m");
  EXPECT_EQ(PlanOf(builder).plan.rewrite.replacements.size(), kNodes);
}

}  // namespace
}  // namespace qi8
