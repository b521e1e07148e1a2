// The errors of products add up: what tune predicts of a plan is what the whole model has.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "compare/cases.hpp"
#include "compare/index_bounds.hpp"
#include "qi8/quantize.hpp"
#include "support/any_size.hpp"
#include "support/onnx_runtime.hpp"
#include "support/temp_folder.hpp"
#include "tune/choose.hpp"
#include "tune/measurer.hpp"
#include "tune/plan_text.hpp"

namespace qi8::testing {
namespace {

struct Subject {
  std::string model;
  std::map<std::string, std::int64_t> dims;
  std::uint64_t seeds = 1;  // of made-up inputs
};

class NoiseOfPlans : public ::testing::TestWithParam<Subject> {};

TEST_P(NoiseOfPlans, IsThatOfTheSumOfTheirErrors) {
  const std::filesystem::path path = std::filesystem::path(QI8_TEST_MODELS) / GetParam().model;
  const TempFolder folder;
  const auto files = MakePosixFileSystem();
  Observer observer;
  compare::InputOptions inputs;
  inputs.dims = GetParam().dims;
  compare::RuntimeOptions runtime;
  runtime.onnxruntime = RuntimeLibrary();
  runtime.worker = {QI8_PROGRAM, "compare-worker"};
  Selection selection = OfAnySize();
  selection.store_int8 = {"all"};
  const Model model = Model::Load(*files, path);
  // Most of these models are convolutions, whose weights can be stored.
  const std::vector<Form> forms = {{FormKind::kPerTensor}, {FormKind::kPerToken}, {FormKind::kResidual}};

  tune::Measurer measurer(*files, path, runtime, observer);
  const auto& opened = measurer.Open();
  std::vector<compare::InputSet> sets;
  for (inputs.seed = 1; inputs.seed <= GetParam().seeds; ++inputs.seed) {
    auto made = compare::GenerateCases(inputs, opened.inputs, compare::IndexBounds(model)).cases;
    std::ranges::move(made.front().sets, std::back_inserter(sets));
  }
  measurer.SetCases(std::move(sets), std::nullopt);
  // Every form is measured, also those that are slow here.
  const tune::Measurements measured =
      measurer.Measure(tune::FindUnits(model, selection, forms, {}).units, selection, {},
                       {.least_noise = 0, .size_matters = true, .times_matter = false});
  ASSERT_GE(measured.units.size(), 4U);

  std::mt19937 random(1);
  int compared = 0;
  for (int plan = 0; plan < 100 && compared < 10; ++plan) {
    tune::Choices choices;
    for (const auto& unit : measured.units) choices.push_back(random() % unit.choices.size());
    const double predicted = tune::Predict(measured, choices, tune::Over::kSum).sqnr_db;
    if (predicted < 15 || std::isinf(predicted)) continue;
    QuantizeOptions options;
    options.input = path;
    options.output = folder / "q.onnx";
    options.selection = selection;
    options.selection.node_forms = tune::NodeFormsOf(measured, choices);
    options.replace_output = true;
    ASSERT_EQ(Quantize(options, observer).outcome, Outcome::kDone);
    const double found = tune::SqnrOver(measured, measurer.NoiseOf(options.output), tune::Over::kSum);
    EXPECT_NEAR(predicted, found, 1) << "plan " << plan;
    ++compared;
  }
  EXPECT_EQ(compared, 10);
}

INSTANTIATE_TEST_SUITE_P(OfRealModels, NoiseOfPlans,
                         ::testing::Values(Subject{"embedding_model.onnx", {{"input_1:0", 2}}, 2},
                                           Subject{"fr_liveness.onnx", {}, 4},
                                           Subject{"hey_jarvis_v0.1.onnx", {}, 20}),
                         [](const auto& subject) {
                           std::string name = subject.param.model.substr(0, subject.param.model.find('.'));
                           std::erase_if(name, [](char c) { return std::isalnum(c) == 0; });
                           return name;
                         });

}  // namespace
}  // namespace qi8::testing
