#include "plan/node_forms.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/planned.hpp"
#include "qi8/error.hpp"

namespace qi8 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::ModelBuilder;
using testing::Planned;
using testing::RandomValues;

// Products "a/q", "a/k", "head".
[[nodiscard]] ModelBuilder ThreeProducts() {
  ModelBuilder builder;
  builder.Input("x", {2, 16});
  for (const std::string name : {"a/q", "a/k", "head"}) {
    builder.Initializer(name + "/w", {16, 16}, RandomValues(256));
    builder.Node("MatMul", {"x", name + "/w"}, {name + "/y"}, name);
    builder.Output(name + "/y", {2, 16});
  }
  builder.Node("Neg", {"x"}, {"z"}, "no product");
  return builder;
}

[[nodiscard]] std::vector<std::string> FormsOf(const Selection& selection) {
  ModelBuilder builder = ThreeProducts();
  Planned planned;
  planned.Make(builder, selection);
  std::vector<std::string> forms;
  for (const NodeDecision& node : planned.plan.nodes) {
    forms.push_back(node.skip ? Identifier(node.skip->reason) : node.form);
  }
  return forms;
}

[[nodiscard]] std::string ErrorOf(const Selection& selection) {
  try {
    static_cast<void>(FormsOf(selection));
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUsage);
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

constexpr Form kPerTensor{FormKind::kPerTensor};
constexpr Form kPerToken{FormKind::kPerToken};
constexpr Form kResidual{FormKind::kResidual};

TEST(NodeForms, PerTokenIsTheDefault) {
  ModelBuilder builder = ThreeProducts();
  Planned planned;
  planned.Make(builder, {});
  EXPECT_EQ(NodeForms(*planned.model, {}), std::vector<Form>(4, kPerToken));
}

TEST(NodeForms, TheLastThatMatchesCounts) {
  Selection selection;
  selection.forms = {{kResidual}, {{FormKind::kFloat32}, "q$"}, {kPerTensor, "^a/"}};
  EXPECT_THAT(FormsOf(selection), ElementsAre("per-tensor", "per-tensor", "residual"));
  selection.forms = {{kPerTensor, "^a/"}, {{FormKind::kFloat32}, "q$"}, {{FormKind::kFloat16}, "head"}};
  EXPECT_THAT(FormsOf(selection), ElementsAre("form", "per-tensor", "float16"));
  selection.forms.push_back({kPerToken});
  EXPECT_THAT(FormsOf(selection), ElementsAre("per-token", "per-token", "per-token"));
}

TEST(NodeForms, ExactNamesCountMoreThanPatterns) {
  Selection selection;
  selection.forms = {{kPerTensor, "."}};
  selection.node_forms = {{"a/k", kResidual}};
  EXPECT_THAT(FormsOf(selection), ElementsAre("per-tensor", "residual", "per-tensor"));
}

TEST(NodeForms, WhatMatchesNothingIsAnError) {
  Selection selection;
  selection.forms = {{kResidual, "decoder"}};
  EXPECT_THAT(ErrorOf(selection), HasSubstr("--form residual=decoder matches no node that has a form"));
  selection.forms = {{kResidual, "no product"}};
  EXPECT_THAT(ErrorOf(selection), HasSubstr("matches no node that has a form"));
  selection.forms = {{kResidual, "a("}};
  EXPECT_THAT(ErrorOf(selection), HasSubstr("is not a regular expression"));
  selection.forms = {{kPerToken}};
  selection.node_forms = {{"a", kResidual}};
  EXPECT_THAT(ErrorOf(selection), HasSubstr("--node-form residual=a names no node that has a form"));
}

// An operator whose integer form is one node, and an opset without the operators of a form.
TEST(NodeForms, WhatCannotHaveItsFormSaysWhy) {
  ModelBuilder builder;
  builder.Input("x", {1, 4, 8, 8}).Output("y", {1, 8, 6, 6});
  builder.Initializer("w", {8, 4, 3, 3}, RandomValues(288)).Node("Conv", {"x", "w"}, {"y"}, "conv");
  Planned planned;
  Selection selection;
  selection.ops = {"Conv"};
  selection.forms = {{kResidual}};
  planned.Make(builder, selection);
  EXPECT_EQ(planned.plan.nodes.at(0).form, "per-tensor");
  EXPECT_EQ(planned.plan.nodes.at(0).form_note, "Conv has only this form");

  ModelBuilder old(10);
  old.Input("x", {2, 16}).Output("y", {2, 16});
  old.Initializer("w", {16, 16}, RandomValues(256)).Node("MatMul", {"x", "w"}, {"y"}, "product");
  Planned old_planned;
  selection.ops = {"MatMul"};
  selection.forms = {{kResidual}};
  old_planned.Make(old, selection);
  EXPECT_EQ(old_planned.plan.nodes.at(0).form, "per-tensor");
  EXPECT_EQ(old_planned.plan.nodes.at(0).form_note, "opset 10; 11 or later is needed");
}

}  // namespace
}  // namespace qi8
