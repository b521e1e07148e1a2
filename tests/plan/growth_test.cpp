#include "plan/growth.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "plan/planned.hpp"
#include "support/any_size.hpp"
#include "support/memory_file_system.hpp"
#include "support/model_builder.hpp"

namespace qi8 {
namespace {

using testing::ModelBuilder;
using testing::OfAnySize;
using testing::Planned;
using testing::RandomValues;

// A product whose names are as long as those that exporters give.
[[nodiscard]] ModelBuilder Product(std::int64_t rows, std::int64_t columns, std::size_t name_length) {
  const std::string prefix(name_length, 'n');
  ModelBuilder builder;
  builder.Input("x", {2, rows}).Output("y", {2, columns});
  builder.Initializer(prefix + "weight", {rows, columns},
                      RandomValues(static_cast<std::size_t>(rows * columns)));
  builder.Node("MatMul", {"x", prefix + "weight"}, {"y"}, prefix + "MatMul");
  return builder;
}

TEST(GraphGrowth, IsWhatTheFileGrowsByWithinATenth) {
  for (const std::size_t name_length : {0U, 20U, 100U}) {
    ModelBuilder builder = Product(64, 64, name_length);
    Planned planned = testing::PlanOf(builder);
    ASSERT_EQ(planned.plan.weights.size(), 1U);
    const auto before = builder.model().ByteSizeLong();
    const auto after = planned.LayOutNow(ExternalData::kNever).model_size;
    const auto weights = 64 * 64 * (sizeof(float) - 1) - 64 * sizeof(float);
    const auto grown = static_cast<double>(after + weights) - static_cast<double>(before);

    // The DynamicQuantizeLinear is not counted, as other products may read it too.
    const auto dynamic = planned.NewNodes("DynamicQuantizeLinear").at(0);
    auto shared = static_cast<double>(6 + dynamic.op_type.size() + dynamic.name.size());
    for (const auto& name : dynamic.inputs) shared += 2.0 + static_cast<double>(name.size());
    for (const auto& name : dynamic.outputs) shared += 2.0 + static_cast<double>(name.size());

    auto again = testing::PlanOf(builder);
    const Node& node = again.model->nodes()[0];
    const RuleContext context{
        .model = *again.model, .selection = OfAnySize(), .forms = {{FormKind::kPerTensor}}};
    const auto edit = std::get<Edit>(FindRule(node)->computed->plan(context, node));
    const auto estimate = static_cast<double>(GraphGrowth(*again.model, node, edit));
    EXPECT_NEAR(estimate, grown - shared, 0.1 * (grown - shared) + 10) << name_length;
  }
}

[[nodiscard]] std::string DecisionOf(ModelBuilder builder, const Selection& selection) {
  Planned planned;
  planned.files->Add("m.onnx", builder.model().SerializeAsString());
  planned.model = std::make_unique<Model>(Model::Load(*planned.files, "m.onnx"));
  planned.plan = MakePlan(*planned.model, selection);
  return planned.Decisions();
}

TEST(PlanGrowth, AWeightThatSavesLessThanItsNodesTakeStays) {
  EXPECT_EQ(DecisionOf(Product(8, 8, 0), {}),
            "MatMul MatMul: no-saving (counting its new nodes; --allow-growth quantizes it all the same)\n");
  EXPECT_EQ(DecisionOf(Product(8, 8, 0), OfAnySize()), "MatMul MatMul: INT8\n");
  EXPECT_EQ(DecisionOf(Product(16, 16, 0), {}), "MatMul MatMul: INT8\n");
  // The same weight, with names that take more.
  EXPECT_NE(DecisionOf(Product(16, 16, 100), {}).find("no-saving"), std::string::npos);
}

TEST(PlanGrowth, ALargeWeightIsQuantizedWhateverItsNames) {
  EXPECT_NE(DecisionOf(Product(64, 64, 100), {}).find("INT8"), std::string::npos);
}

}  // namespace
}  // namespace qi8
