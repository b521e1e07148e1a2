// Plans and rewritten graphs as text, in tests/golden/plan: what every form of every operator becomes.
#include "support/golden.hpp"

#include <gtest/gtest.h>

#include <string>

#include "plan/planned.hpp"
#include "plan/report_text.hpp"

namespace qi8 {
namespace {

using testing::Dims;
using testing::ModelBuilder;
using testing::RandomValues;
using testing::SetFloat;
using testing::SetInt;

void ExpectPlan(const std::string& name, ModelBuilder& builder) {
  auto planned = testing::PlanOf(builder);
  PlanReport report;
  report.nodes = planned.plan.nodes;
  report.inputs = {{"in.onnx", builder.model().ByteSizeLong(), ""}};
  const Layout layout = planned.LayOutNow();
  report.outputs = {{"out.onnx", layout.model_size, ""}};
  if (layout.data_size > 0) report.outputs.push_back({"out.onnx.data", layout.data_size, ""});
  testing::ExpectGolden("plan/" + name + ".txt",
                        PlanTable(report) + "\n" + testing::DumpGraph(planned.Rewritten()));
}

[[nodiscard]] ModelBuilder WithWeight(const Dims& dims) {
  ModelBuilder builder;
  std::size_t count = 1;
  for (const auto dim : dims) count *= static_cast<std::size_t>(dim);
  builder.Input("x", {-1, dims[0]})
      .Output("y", {-1, dims.back()})
      .Initializer("w", dims, RandomValues(count));
  return builder;
}

TEST(PlanGolden, MatMul) {
  auto builder = WithWeight({64, 32});
  builder.Node("MatMul", {"x", "w"}, {"y"}, "proj");
  ExpectPlan("matmul", builder);
}

TEST(PlanGolden, MatMulWithBias) {
  auto builder = WithWeight({64, 32});
  builder.Initializer("bias", {32}, RandomValues(32));
  builder.Node("MatMul", {"x", "w"}, {"xw"}, "proj/MatMul");
  builder.Node("Add", {"xw", "bias"}, {"y"}, "proj/Add");
  ExpectPlan("matmul_bias", builder);
}

TEST(PlanGolden, MatMulWithAConstantNode) {
  ModelBuilder builder;
  builder.Input("x", {-1, 16}).Output("y", {-1, 8});
  testing::SetTensor(builder.Node("Constant", {}, {"w"}, "weight"), "value", {16, 8}, RandomValues(128));
  builder.Node("MatMul", {"x", "w"}, {"y"});
  ExpectPlan("matmul_constant_node", builder);
}

TEST(PlanGolden, GemmPlain) {
  auto builder = WithWeight({16, 8});
  builder.Node("Gemm", {"x", "w"}, {"y"}, "fc");
  ExpectPlan("gemm", builder);
}

TEST(PlanGolden, GemmWithConstantC) {
  auto builder = WithWeight({16, 8});
  builder.Initializer("c", {8}, RandomValues(8)).Node("Gemm", {"x", "w", "c"}, {"y"}, "fc");
  ExpectPlan("gemm_c", builder);
}

TEST(PlanGolden, GemmTransB) {
  ModelBuilder builder;
  builder.Input("x", {-1, 8}).Output("y", {-1, 16}).Initializer("w", {16, 8}, RandomValues(128));
  SetInt(builder.Node("Gemm", {"x", "w"}, {"y"}, "fc"), "transB", 1);
  ExpectPlan("gemm_trans_b", builder);
}

TEST(PlanGolden, GemmTransA) {
  ModelBuilder builder;
  builder.Input("x", {16, -1}).Output("y", {-1, 8}).Initializer("w", {16, 8}, RandomValues(128));
  SetInt(builder.Node("Gemm", {"x", "w"}, {"y"}, "fc"), "transA", 1);
  ExpectPlan("gemm_trans_a", builder);
}

TEST(PlanGolden, GemmAlphaBetaAndCThatIsComputed) {
  auto builder = WithWeight({16, 8});
  builder.Input("c", {-1, 8});
  auto& node = builder.Node("Gemm", {"x", "w", "c"}, {"y"}, "fc");
  SetFloat(node, "alpha", 0.5F);
  SetFloat(node, "beta", 2);
  ExpectPlan("gemm_alpha_beta", builder);
}

TEST(PlanGolden, GemmBetaZero) {
  auto builder = WithWeight({16, 8});
  builder.Initializer("c", {8}, RandomValues(8));
  SetFloat(builder.Node("Gemm", {"x", "w", "c"}, {"y"}, "fc"), "beta", 0);
  ExpectPlan("gemm_beta_zero", builder);
}

TEST(PlanGolden, Embedding) {
  ModelBuilder builder;
  builder.Input("codes", {-1, -1}, onnx::TensorProto::INT64).Output("y", {-1, -1, 16});
  builder.Initializer("table", {100, 16}, RandomValues(1600))
      .Node("Gather", {"table", "codes"}, {"y"}, "embed");
  ExpectPlan("gather", builder);
}

TEST(PlanGolden, GatherOnTheLastAxis) {
  ModelBuilder builder;
  builder.Input("codes", {-1}, onnx::TensorProto::INT64).Output("y", {16, -1});
  builder.Initializer("table", {16, 100}, RandomValues(1600));
  SetInt(builder.Node("Gather", {"table", "codes"}, {"y"}, "embed"), "axis", -1);
  ExpectPlan("gather_last_axis", builder);
}

TEST(PlanGolden, GatherFromThreeDimensions) {
  ModelBuilder builder;
  builder.Input("codes", {-1}, onnx::TensorProto::INT64).Output("y", {4, -1, 8});
  builder.Initializer("table", {4, 20, 8}, RandomValues(640));
  SetInt(builder.Node("Gather", {"table", "codes"}, {"y"}, "embed"), "axis", 1);
  ExpectPlan("gather_3d", builder);
}

TEST(PlanGolden, SharedActivationAndTiedWeight) {
  ModelBuilder builder;
  builder.Input("codes", {-1}, onnx::TensorProto::INT64).Output("logits", {-1, 40});
  builder.Initializer("table", {40, 16}, RandomValues(640));
  for (const char* name : {"wq", "wk"}) builder.Initializer(name, {16, 16}, RandomValues(256));
  builder.Node("Gather", {"table", "codes"}, {"h"}, "embed");
  builder.Node("MatMul", {"h", "wq"}, {"q"}, "q_proj");
  builder.Node("MatMul", {"h", "wk"}, {"k"}, "k_proj");
  builder.Node("Add", {"q", "k"}, {"s"}, "sum");
  SetInt(builder.Node("Gemm", {"s", "table"}, {"logits"}, "head"), "transB", 1);
  ExpectPlan("shared", builder);
}

TEST(PlanGolden, BodiesOfIf) {
  auto builder = WithWeight({16, 16});
  builder.Input("c", {}, onnx::TensorProto::BOOL);
  auto& branch = builder.Node("If", {"c"}, {"y"}, "if");
  for (const char* name : {"then_branch", "else_branch"}) {
    auto& body = testing::SetGraph(branch, name);
    auto& node = *body.add_node();
    node.set_op_type("MatMul");
    node.set_name(std::string(name) + "/MatMul");
    node.add_input("x");
    node.add_input(std::string(name) == "then_branch" ? "w" : "v");
    node.add_output(std::string(name) + "_y");
    body.add_output()->set_name(std::string(name) + "_y");
  }
  auto& inner = *branch.mutable_attribute(1)->mutable_g()->add_initializer();
  inner = builder.graph().initializer(0);
  inner.set_name("v");
  ExpectPlan("if_bodies", builder);
}

TEST(PlanGolden, EveryReasonToLeaveAWeight) {
  ModelBuilder builder;
  const auto add = [&builder](const std::string& name, const Dims& dims, std::size_t count) {
    builder.Initializer(name, dims, RandomValues(count));
  };
  add("w", {16, 16}, 256);
  builder.Input("x", {-1, 16}).Output("y", {-1, 16});
  builder.Node("MatMul", {"x", "w"}, {"a"}, "quantized");
  builder.Node("MatMul", {"x", "a"}, {"b"}, "not constant");
  add("default", {16, 16}, 256);
  builder.Input("default", {16, 16}).Node("MatMul", {"x", "default"}, {"c"}, "overridable");
  add("row", {1, 16}, 16);
  builder.Node("MatMul", {"x", "row"}, {"d"}, "no saving");
  add("vector", {16}, 16);
  builder.Node("MatMul", {"x", "vector"}, {"e"}, "shape");
  add("half", {4, 4}, 16);
  auto& half = *builder.graph().mutable_initializer(builder.graph().initializer_size() - 1);
  half.set_data_type(onnx::TensorProto::FLOAT16);
  half.set_raw_data(std::string(32, '\1'));
  builder.Node("MatMul", {"x", "half"}, {"f"}, "type");
  add("kernel", {4, 4, 1}, 16);
  builder.Node("Einsum", {"x", "kernel"}, {"y"}, "no rule\twith a tab");
  ExpectPlan("skips", builder);
}

}  // namespace
}  // namespace qi8
