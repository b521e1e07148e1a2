// New names, and what they keep clear of.
#include "plan/names.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "plan/planned.hpp"

namespace qi8 {
namespace {

using ::testing::ElementsAre;
using testing::ModelBuilder;
using testing::RandomValues;

TEST(Names, TheWantedOneOrThatWithANumber) {
  NameAllocator names({"a", "a_2", "b"});
  EXPECT_EQ(names.Allocate("c"), "c");
  EXPECT_EQ(names.Allocate("c"), "c_2");
  EXPECT_EQ(names.Allocate("a"), "a_3");
  EXPECT_EQ(names.Allocate("a"), "a_4");
  EXPECT_EQ(names.Allocate("a_3"), "a_3_2");
  EXPECT_EQ(names.Allocate("b_2"), "b_2");
  EXPECT_EQ(names.Allocate("b"), "b_3");
}

TEST(Names, OfMegabytesAreNotRepeated) {
  NameAllocator names({});
  const std::string first = names.Allocate(std::string(1'000'000, 'n') + "_scale");
  EXPECT_EQ(first.size(), NameAllocator::kLongest);
  EXPECT_TRUE(first.starts_with("nnn") && first.ends_with("_scale"));
  EXPECT_EQ(names.Allocate(std::string(2'000'000, 'n') + "_scale"), first + "_2");
  const std::string longest(NameAllocator::kLongest, 'x');
  EXPECT_EQ(names.Allocate(longest), longest);
}

TEST(Names, ManyTimesTheSame) {
  NameAllocator names({});
  std::string last;
  for (int i = 0; i < 300'000; ++i) last = names.Allocate("m");
  EXPECT_EQ(last, "m_300000");
}

// Every name that ours could be is taken already, by a value, a node, or one that only a body knows.
TEST(Names, OfTheModelAreNotUsedAgain) {
  ModelBuilder builder;
  builder.Input("x", {8, 8}).Initializer("w", {8, 8}, RandomValues(64));
  builder.Initializer("w_quantized", {1}, RandomValues(1)).Input("x_scale", {1});
  builder.Node("Op", {"x_quantized"}, {"w_scale"}, "m_Mul");
  auto& inner = *testing::SetGraph(builder.Node("If", {"x"}, {"b"}), "then_branch").add_node();
  inner.set_op_type("Op");
  inner.add_output("x_zero_point");
  builder.Node("MatMul", {"x", "w"}, {"m_Cast"}, "m");
  const auto planned = testing::PlanOf(builder);
  EXPECT_THAT(planned.NewNames(), ElementsAre("w_quantized_2", "w_scale_2"));
  const auto quantize = planned.NewNodes("DynamicQuantizeLinear");
  ASSERT_EQ(quantize.size(), 1U);
  EXPECT_THAT(quantize[0].outputs, ElementsAre("x_quantized_2", "x_scale_2", "x_zero_point_2"));
  EXPECT_EQ(planned.NewNodes("Mul")[0].name, "m_Mul_2");
  EXPECT_EQ(planned.NewNodes("Cast")[0].outputs[0], "m_Cast_2");
}

TEST(Names, OfNewNodesAndValuesAreAllDifferent) {
  ModelBuilder builder;
  builder.Initializer("w", {8, 8}, RandomValues(64));
  builder.Node("MatMul", {"x", "w"}, {"y"});           // unnamed: its output names it
  builder.Node("MatMul", {"y", "w"}, {"z"}, "y");      // named as the first one's output
  builder.Node("MatMul", {"z", "w"}, {"y_Mul"}, "y");  // and once more
  const auto planned = testing::PlanOf(builder);
  std::set<std::string> values = {"w", "x"};
  std::set<std::string> nodes;
  for (const std::string& name : planned.NewNames()) EXPECT_TRUE(values.insert(name).second) << name;
  for (const Replacement& replacement : planned.plan.rewrite.replacements) {
    for (const NewNode& node : replacement.nodes) {
      EXPECT_TRUE(nodes.insert(node.name).second) << node.name;
      EXPECT_FALSE(node.name.empty());
      for (const std::string& output : node.outputs) EXPECT_TRUE(values.insert(output).second) << output;
    }
  }
  for (const char* name : {"y", "z", "y_Mul"})
    EXPECT_TRUE(values.contains(name)) << "outputs keep their names";
}

}  // namespace
}  // namespace qi8
