// The rule for Gather: embeddings.
#include <gtest/gtest.h>

#include <string>

#include "rules/edit_text.hpp"

namespace qi8 {
namespace {

using testing::DecideLast;
using testing::Dims;
using testing::ModelBuilder;
using testing::RandomValues;

[[nodiscard]] std::string Gather(const Dims& dims, std::int64_t axis, std::int64_t opset = 17) {
  std::size_t count = 1;
  for (const auto dim : dims) count *= static_cast<std::size_t>(dim);
  ModelBuilder builder(opset);
  builder.Initializer("t", dims, RandomValues(count));
  testing::SetInt(builder.Node("Gather", {"t", "i"}, {"y"}), "axis", axis);
  return DecideLast(builder);
}

[[nodiscard]] std::string Expected(const std::string& weight, const std::string& axis) {
  return "\nweight t as " + weight + " * 1\n#0 Gather(weight0.scale, i) axis=" + axis +
         "\n#1 Gather(weight0.data, i) axis=" + axis + "\n#2 Cast(#1) to=1\n#3 Mul(#2, #0)\n";
}

TEST(GatherRule, ZeroPointsAreGatheredToo) {
  Selection selection;
  selection.scheme.type = WeightType::kUint8;
  ModelBuilder builder;
  builder.Initializer("w", {5, 8}, RandomValues(40)).Node("Gather", {"w", "i"}, {"y"});
  EXPECT_EQ(testing::DecideLast(builder, selection), R"(
weight w as {5, 8, 1} -> [5, 8], scales [5, 1] * 1
#0 Gather(weight0.scale, i) axis=0
#1 Gather(weight0.zero_point, i) axis=0
#2 Gather(weight0.data, i) axis=0
#3 Cast(#2) to=1
#4 Cast(#1) to=1
#5 Sub(#3, #4)
#6 Mul(#5, #0)
)");
  selection.granularity = Granularity::kTensor;
  EXPECT_EQ(testing::DecideLast(builder, selection), R"(
weight w as {1, 40, 1} -> [5, 8], scales [] * 1
#0 Gather(weight0.data, i) axis=0
#1 Cast(#0) to=1
#2 Cast(weight0.zero_point) to=1
#3 Sub(#1, #2)
#4 Mul(#3, weight0.scale)
)");
}

TEST(GatherRule, AScaleForEachRow) {
  const std::string by_row = Expected("{6, 4, 1} -> [6, 4], scales [6, 1]", "0");
  EXPECT_EQ(Gather({6, 4}, 0), by_row);
  EXPECT_EQ(Gather({6, 4}, -2), by_row);
  ModelBuilder builder;
  builder.Initializer("t", {6, 4}, RandomValues(24)).Node("Gather", {"t", "i"}, {"y"});
  EXPECT_EQ(DecideLast(builder), by_row) << "axis is 0 where it is left out";
}

TEST(GatherRule, TablesOfThreeDimensions) {
  EXPECT_EQ(Gather({2, 3, 4}, 0), Expected("{6, 4, 1} -> [2, 3, 4], scales [2, 3, 1]", "0"));
  EXPECT_EQ(Gather({2, 3, 4}, 1), Expected("{6, 4, 1} -> [2, 3, 4], scales [2, 3, 1]", "1"));
}

TEST(GatherRule, AScaleForEachElementOfTheLastDimensionWhereThatIsGatheredFrom) {
  EXPECT_EQ(Gather({6, 4}, 1), Expected("{1, 6, 4} -> [6, 4], scales [1, 4]", "1"));
  EXPECT_EQ(Gather({6, 4}, -1), Expected("{1, 6, 4} -> [6, 4], scales [1, 4]", "1"));
  EXPECT_EQ(Gather({2, 3, 4}, 2), Expected("{1, 6, 4} -> [2, 3, 4], scales [1, 1, 4]", "2"));
}

TEST(GatherRule, Refusals) {
  EXPECT_EQ(Gather({6}, 0), "shape: rank 1");
  EXPECT_EQ(Gather({}, 0), "shape: rank 0");
  EXPECT_EQ(Gather({6, 4}, 2), "shape: axis 2");
  EXPECT_EQ(Gather({6, 4}, -3), "shape: axis -3");
  EXPECT_EQ(Gather({6, 4}, INT64_MIN), "shape: axis -9223372036854775808");
  EXPECT_EQ(Gather({6, 4}, 0, 6), "opset: opset 6; 7 or later is needed");
  EXPECT_EQ(Gather({6, 4}, 0, 7), Expected("{6, 4, 1} -> [6, 4], scales [6, 1]", "0")) << "Mul broadcasts";
  ModelBuilder computed;
  computed.Input("t", {6, 4}).Node("Gather", {"t", "i"}, {"y"});
  EXPECT_EQ(DecideLast(computed), "not-constant: ");
}

// A file may hold a Gather that gathers by nothing.
TEST(GatherRule, WithoutIndices) {
  for (const auto& inputs : {std::vector<std::string>{"t"}, {"t", ""}}) {
    ModelBuilder builder;
    builder.Initializer("t", {6, 4}, RandomValues(24)).Node("Gather", inputs, {"y"});
    EXPECT_NE(DecideLast(builder).front(), '\n') << "it should be a skip";
  }
}

}  // namespace
}  // namespace qi8
