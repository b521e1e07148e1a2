#include "rounding/influence.hpp"

#include <gmock/gmock.h>

#include <limits>

namespace qi8::rounding {
namespace {

using ::testing::ElementsAre;

// Two products, by the nodes 0 and 1, and an embedding, by node 2.
[[nodiscard]] Learnable TiedWeight() {
  Learnable weight;
  for (const NodeId node : {0U, 1U}) weight.uses.push_back({.node = node, .x = kNone, .factor = {}});
  weight.readers = {2};
  return weight;
}

[[nodiscard]] Influences InfluencesOf(double first, double second, double reader) {
  Influences influences{.nodes = {}, .input_bytes = 100};
  influences.nodes[0] = {.of_error = first, .noise = 1};
  influences.nodes[1] = {.of_error = second, .noise = 1};
  influences.nodes[2] = {.of_error = 1, .noise = reader};
  return influences;
}

TEST(Influence, TheProductThatCountsMostCountsOne) {
  EXPECT_THAT(FactorsOf(TiedWeight(), InfluencesOf(8, 2, 1)), ElementsAre(1, 0.25));
  EXPECT_THAT(FactorsOf(TiedWeight(), InfluencesOf(0.03, 0.5, 1)), ElementsAre(0.0625, 1));
}

TEST(Influence, LastBitsChangeNothing) {
  EXPECT_EQ(FactorsOf(TiedWeight(), InfluencesOf(8, 2, 1)),
            FactorsOf(TiedWeight(), InfluencesOf(8.001, 1.999, 1)));
}

TEST(Influence, WhatCountsForNothingIsStillLearnedFrom) {
  EXPECT_THAT(FactorsOf(TiedWeight(), InfluencesOf(1, 0, 1)), ElementsAre(1, 0x1p-10));
}

TEST(Influence, WhereOneIsNotKnownAllCountAlike) {
  EXPECT_THAT(FactorsOf(TiedWeight(), {}), ElementsAre(1, 1));
  EXPECT_THAT(FactorsOf(TiedWeight(), InfluencesOf(0, 0, 1)), ElementsAre(1, 1));
  EXPECT_THAT(FactorsOf(TiedWeight(), InfluencesOf(1, std::numeric_limits<double>::infinity(), 1)),
              ElementsAre(1, 1));
  Influences without_second = InfluencesOf(1, 4, 1);
  without_second.nodes.erase(1);
  EXPECT_THAT(FactorsOf(TiedWeight(), without_second), ElementsAre(1, 1));
  EXPECT_EQ(FactorOfNumbers(TiedWeight(), without_second, 100, 1), std::nullopt);
}

// The embedding makes a noise of 12 with inputs of 100 bytes, so 24 with 200, where the power of the error of
// its numbers is 3; what counts most among the products makes 2 of an error of 1.
TEST(Influence, NumbersCountAsTheyDoAtTheOutputs) {
  EXPECT_EQ(FactorOfNumbers(TiedWeight(), InfluencesOf(1, 2, 12), 200, 3), 24.0 / 3 / 2);
  EXPECT_EQ(FactorOfNumbers(TiedWeight(), InfluencesOf(1, 2, 12), 200, 0), std::nullopt) << "no error at all";
  Learnable of_products = TiedWeight();
  of_products.readers.clear();
  EXPECT_EQ(FactorOfNumbers(of_products, InfluencesOf(1, 2, 12), 200, 3), std::nullopt);
  Influences without_reader = InfluencesOf(1, 2, 12);
  without_reader.nodes.erase(2);
  EXPECT_EQ(FactorOfNumbers(TiedWeight(), without_reader, 200, 3), std::nullopt);
}

TEST(Influence, BytesOfAllInputs) {
  const auto tensor = runtime::Tensor::Of<float>(DataType::kFloat, {3}, std::vector<float>(3));
  EXPECT_EQ(BytesOf(std::vector<compare::InputSet>{{"a", {tensor, tensor}}, {"b", {tensor}}}), 36U);
}

}  // namespace
}  // namespace qi8::rounding
