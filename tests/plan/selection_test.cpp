// --ops, --include and --exclude.
#include "plan/selection.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "plan/planned.hpp"
#include "qi8/error.hpp"

namespace qi8 {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::ModelBuilder;
using testing::PlanOf;
using testing::RandomValues;

[[nodiscard]] ModelBuilder FourNodes() {
  ModelBuilder builder;
  builder.Initializer("w", {8, 8}, RandomValues(64));
  builder.Node("MatMul", {"x", "w"}, {"a"}, "/layer.0/attn");
  builder.Node("MatMul", {"x", "w"}, {"b"}, "/layer.1/attn");
  builder.Node("Gemm", {"x", "w"}, {"c"}, "/layer.1/mlp");
  builder.Node("Gather", {"w", "i"}, {"d"}, "/embed");
  builder.Node("Relu", {"x"}, {"e"}, "/relu");
  return builder;
}

struct Asked {
  std::vector<std::string> ops = {"MatMul", "Gemm", "Gather"};
  std::vector<std::string> include;
  std::vector<std::string> exclude;
};

[[nodiscard]] Selection SelectionOf(const Asked& asked) {
  Selection selection;
  selection.ops = asked.ops;
  selection.include = asked.include;
  selection.exclude = asked.exclude;
  return selection;
}

[[nodiscard]] std::string Decisions(const Asked& asked) {
  auto builder = FourNodes();
  return PlanOf(builder, SelectionOf(asked)).Decisions();
}

[[nodiscard]] std::string UsageError(const Asked& asked) {
  auto builder = FourNodes();
  try {
    static_cast<void>(PlanOf(builder, SelectionOf(asked)));
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUsage);
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

constexpr const char* kAll =
    "MatMul /layer.0/attn: INT8\nMatMul /layer.1/attn: INT8\nGemm /layer.1/mlp: INT8\nGather /embed: INT8\n";

TEST(Selection, Operators) {
  EXPECT_EQ(Decisions({}), kAll);
  EXPECT_EQ(Decisions({.ops = {"all"}, .include = {}, .exclude = {}}), kAll);
  EXPECT_EQ(Decisions({.ops = {"Gemm", "Gather"}, .include = {}, .exclude = {}}),
            "MatMul /layer.0/attn: operator-not-selected\nMatMul /layer.1/attn: operator-not-selected\n"
            "Gemm /layer.1/mlp: INT8\nGather /embed: INT8\n");
}

TEST(Selection, OperatorsThatCannotBe) {
  EXPECT_THAT(UsageError({.ops = {"MatMul", "Cnov"}, .include = {}, .exclude = {}}),
              AllOf(HasSubstr("--ops"), HasSubstr("'Cnov'"), HasSubstr("MatMul, Gemm, Gather")));
  EXPECT_THAT(UsageError({.ops = {"matmul"}, .include = {}, .exclude = {}}), HasSubstr("'matmul'"));
  EXPECT_THAT(UsageError({.ops = {""}, .include = {}, .exclude = {}}), HasSubstr("--ops"));
  EXPECT_THAT(UsageError({.ops = {}, .include = {}, .exclude = {}}), HasSubstr("empty"));
}

TEST(Selection, ExcludedNodesStay) {
  Asked asked;
  asked.exclude = {"layer\\.0", "emb"};
  EXPECT_EQ(Decisions(asked),
            "MatMul /layer.0/attn: excluded\nMatMul /layer.1/attn: INT8\nGemm /layer.1/mlp: INT8\n"
            "Gather /embed: excluded\n");
}

TEST(Selection, OnlyIncludedNodesAreQuantized) {
  Asked asked;
  asked.include = {"attn$", "^/embed$"};
  EXPECT_EQ(Decisions(asked),
            "MatMul /layer.0/attn: INT8\nMatMul /layer.1/attn: INT8\nGemm /layer.1/mlp: not-included\n"
            "Gather /embed: INT8\n");
}

TEST(Selection, ExcludeWins) {
  Asked asked;
  asked.include = {"layer"};
  asked.exclude = {"layer.1"};
  EXPECT_EQ(Decisions(asked),
            "MatMul /layer.0/attn: INT8\nMatMul /layer.1/attn: excluded\nGemm /layer.1/mlp: excluded\n"
            "Gather /embed: not-included\n");
}

TEST(Selection, PatternsThatMatchNothing) {
  Asked include;
  include.include = {"attn", "decoder"};
  EXPECT_THAT(UsageError(include), AllOf(HasSubstr("--include 'decoder'"), HasSubstr("matches no node")));
  Asked exclude;
  exclude.exclude = {"^attn"};
  EXPECT_THAT(UsageError(exclude), AllOf(HasSubstr("--exclude '^attn'"), HasSubstr("matches no node")));
  Asked case_matters;
  case_matters.exclude = {"ATTN"};
  EXPECT_THAT(UsageError(case_matters), HasSubstr("'ATTN'"));
}

TEST(Selection, PatternsMayMatchNodesWithoutWeights) {
  Asked asked;
  asked.exclude = {"relu"};
  EXPECT_EQ(Decisions(asked), kAll);
}

TEST(Selection, PatternsThatAreNone) {
  Asked asked;
  asked.include = {"(attn"};
  EXPECT_THAT(UsageError(asked), AllOf(HasSubstr("--include '(attn'"), HasSubstr("regular expression")));
  asked.include = {"attn"};
  asked.exclude = {"a(?=b)"};
  EXPECT_THAT(UsageError(asked), AllOf(HasSubstr("--exclude"), HasSubstr("regular expression")));
}

TEST(Selection, UnnamedNodes) {
  const auto decisions = [](const std::string& include, const std::string& exclude) {
    ModelBuilder builder;
    builder.Initializer("w", {8, 8}, RandomValues(64));
    builder.Node("MatMul", {"x", "w"}, {"a"});
    builder.Node("MatMul", {"x", "w"}, {"b"}, "named");
    Asked asked;
    if (!include.empty()) asked.include = {include};
    if (!exclude.empty()) asked.exclude = {exclude};
    return PlanOf(builder, SelectionOf(asked)).Decisions();
  };
  EXPECT_EQ(decisions("named", ""), "MatMul : not-included\nMatMul named: INT8\n");
  EXPECT_EQ(decisions("", "named"), "MatMul : INT8\nMatMul named: excluded\n");
  EXPECT_EQ(decisions("", "^$"), "MatMul : excluded\nMatMul named: INT8\n");
}

TEST(Selection, NodesInBodiesHaveNamesToo) {
  ModelBuilder builder;
  builder.Initializer("w", {8, 8}, RandomValues(64));
  auto& inner = *testing::SetGraph(builder.Node("If", {"c"}, {"y"}), "then_branch").add_node();
  inner.set_op_type("MatMul");
  inner.set_name("inside");
  inner.add_input("x");
  inner.add_input("w");
  inner.add_output("z");
  Asked asked;
  asked.exclude = {"inside"};
  EXPECT_EQ(PlanOf(builder, SelectionOf(asked)).Decisions(), "MatMul inside: excluded\n");
}

}  // namespace
}  // namespace qi8
