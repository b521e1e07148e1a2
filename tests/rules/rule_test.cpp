#include "rules/rule.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <tuple>

namespace qi8 {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

[[nodiscard]] Node NodeOf(std::string_view op_type, std::string_view domain = "") {
  Node node;
  node.op_type = op_type;
  node.domain = domain;
  return node;
}

TEST(Rules, AreFoundByDomainAndOperator) {
  std::set<std::pair<std::string_view, std::string_view>> known;
  for (const Rule* rule : AllRules()) {
    EXPECT_EQ(FindRule(NodeOf(rule->op_type, rule->domain)), rule);
    EXPECT_EQ(FindRule(NodeOf(rule->op_type, "com.example")), nullptr);
    EXPECT_TRUE(known.emplace(rule->domain, rule->op_type).second)
        << rule->op_type << " stands twice in rules.def";
    EXPECT_TRUE(rule->computed || rule->stored) << rule->op_type;
    EXPECT_TRUE(!rule->computed || rule->computed->plan != nullptr) << rule->op_type;
    EXPECT_TRUE(!rule->stored || rule->stored->input_count > 0) << rule->op_type;
  }
  EXPECT_EQ(FindRule(NodeOf("Nonesuch")), nullptr);
  EXPECT_EQ(FindRule(NodeOf("")), nullptr);
}

// What is quantized by default is a matter of the options alone, and there are rules for all of it.
TEST(Rules, AreThereForAllThatIsQuantizedByDefault) {
  for (const std::string& op : Selection().ops) EXPECT_THAT(ComputedOperators(), Contains(op));
}

// In the order of rules.def; the name of a new operator goes here too, unless `selected_as` names another.
TEST(Rules, HaveNamesForTheOptions) {
  EXPECT_THAT(ComputedOperators(), ElementsAre("MatMul", "Gemm", "Gather", "Conv", "LSTM", "Attention",
                                               "EmbedLayerNormalization"));
  EXPECT_THAT(StorableOperators(), ElementsAre("Conv", "ConvTranspose", "LSTM", "GRU", "RNN"));
}

TEST(Rules, KnowWhichInputsAreWeights) {
  EXPECT_EQ(FindRule(NodeOf("Gather"))->computed->weight_input, 0U);
  EXPECT_EQ(FindRule(NodeOf("Gemm"))->computed->weight_input, 1U);
  EXPECT_THAT(StorableInputs(NodeOf("LSTM")), ElementsAre(1U, 2U));
  EXPECT_THAT(StorableInputs(NodeOf("MatMul")), ElementsAre());
  EXPECT_THAT(StorableInputs(NodeOf("Conv", "com.example")), ElementsAre());
}

}  // namespace
}  // namespace qi8
