// What is learned of whole models, which ONNX Runtime runs.
#include "rounding/learner.hpp"

#include <gmock/gmock.h>

#include "qi8/error.hpp"
#include "rounding/gptq.hpp"
#include "support/any_size.hpp"
#include "support/model_builder.hpp"
#include "support/onnx_runtime.hpp"
#include "support/temp_folder.hpp"

namespace qi8::rounding {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::ModelBuilder;
using testing::RandomValues;

constexpr std::int64_t kK = 24, kN = 16;

// Rows whose elements have much in common, as those of activations have: there is something to learn.
[[nodiscard]] runtime::Tensor Activations(std::int64_t rows, std::uint32_t seed) {
  const auto own = RandomValues(static_cast<std::size_t>(rows * kK), seed);
  const auto common = RandomValues(static_cast<std::size_t>(rows), seed + 100);
  std::vector<float> values(own.size());
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = 0.1F * own[i] + common[i / kK];
  return runtime::Tensor::Of<float>(DataType::kFloat, {rows, kK}, values);
}

[[nodiscard]] SplitCases CasesOf(std::int64_t rows) {
  SplitCases cases;
  for (std::uint32_t i = 0; i < 3; ++i) cases.learned_from.push_back({"learned", {Activations(rows, i)}});
  cases.judged_by.push_back({"judged", {Activations(rows, 50)}});
  return cases;
}

class LearnerTest : public ::testing::Test {
 protected:
  LearnerTest() : files_(MakePosixFileSystem()) {
    builder_.Input("x", {-1, kK}).Initializer("w", {kK, kN}, RandomValues(kK * kN, 7));
    options_.worker = {QI8_PROGRAM, "compare-worker"};
    options_.threads = 1;
    options_.onnxruntime = testing::RuntimeLibrary();
  }

  [[nodiscard]] Learning Learn(const SplitCases& cases, std::optional<std::size_t> mask = std::nullopt) {
    builder_.Save(Path());
    const Model model = Model::Load(*files_, Path());
    const std::vector<Form> forms(model.nodes().size(), {FormKind::kPerToken});
    return Learner(*files_, Path(), options_, observer_)
        .Learn(FindLearnable(model, testing::OfAnySize(), forms, {}), influences_, cases, mask);
  }
  [[nodiscard]] std::filesystem::path Path() const { return folder_ / "m.onnx"; }

  // The codes that were learned of weight number `weight` of the model.
  [[nodiscard]] std::vector<std::int8_t> CodesOf(const Learning& learning, std::size_t weight,
                                                 std::size_t count) {
    const Model model = Model::Load(*files_, Path());
    const std::vector<Form> forms(model.nodes().size(), {FormKind::kPerToken});
    const Learnable learnable = FindLearnable(model, testing::OfAnySize(), forms, {}).at(weight);
    const GivenCodes* const given =
        learning.codes.Find(model.tensors()[learnable.tensor].source, learnable.encoding);
    std::vector<std::int8_t> codes(given == nullptr ? 0 : count);
    if (given != nullptr) given->file->ReadAt(given->offset, std::as_writable_bytes(std::span(codes)));
    return codes;
  }

  ModelBuilder builder_;
  const testing::TempFolder folder_;
  std::unique_ptr<FileSystem> files_;
  compare::RuntimeOptions options_;
  Influences influences_;
  Observer observer_;
};

TEST_F(LearnerTest, AProductComesNearer) {
  builder_.Output("y", {-1, kN}).Node("MatMul", {"x", "w"}, {"y"}, "m");
  const Learning learning = Learn(CasesOf(20));
  ASSERT_EQ(learning.weights.size(), 1U);
  const LearnedWeight& weight = learning.weights[0];
  EXPECT_THAT(weight.obstacle, IsEmpty());
  EXPECT_EQ(weight.rows, 60U);
  EXPECT_LT(weight.learned_noise, 0.5 * weight.nearest_noise);
  EXPECT_GE(weight.most_steps, 1U);
  const auto codes = CodesOf(learning, 0, kK * kN);
  EXPECT_EQ(CodesOf(Learn(CasesOf(20)), 0, kK * kN), codes) << "the same again";
  EXPECT_THAT(codes, ::testing::Not(IsEmpty()));
}

TEST_F(LearnerTest, FewerRowsThanTheWeightHasAreRefused) {
  builder_.Output("y", {-1, kN}).Node("MatMul", {"x", "w"}, {"y"}, "m");
  const Learning learning = Learn(CasesOf(7));
  ASSERT_EQ(learning.weights.size(), 1U);
  EXPECT_THAT(learning.weights[0].obstacle, HasSubstr("24, and the inputs give 21"));
  EXPECT_TRUE(learning.codes.empty());
}

TEST_F(LearnerTest, WhatTheJudgesSeeFartherKeepsTheNearestCodes) {
  builder_.Output("y", {-1, kN}).Node("MatMul", {"x", "w"}, {"y"}, "m");
  SplitCases cases = CasesOf(20);
  cases.judged_by[0].inputs[0] =
      runtime::Tensor::Of<float>(DataType::kFloat, {20, kK}, RandomValues(20 * kK, 3));  // nothing in common
  const Learning learning = Learn(cases);
  ASSERT_EQ(learning.weights.size(), 1U);
  EXPECT_THAT(learning.weights[0].obstacle, HasSubstr("on the inputs that judge"));
  EXPECT_GE(learning.weights[0].learned_noise, learning.weights[0].nearest_noise);
  EXPECT_TRUE(learning.codes.empty());
}

// In loud rows, neighbours are equal, and in quiet rows they are opposite: errors that make up for each other
// in the loud ones add up in the quiet ones. Nearly all of the power is in the loud ones.
TEST_F(LearnerTest, WhereOnlyTheLoudNumbersComeNearerTheNearestCodesStay) {
  builder_.Output("y", {-1, kN}).Node("MatMul", {"x", "w"}, {"y"}, "m");
  SplitCases cases = CasesOf(20);
  const auto with_quiet_rows = [](runtime::Tensor& input, std::uint32_t seed) {
    constexpr std::size_t kLoud = 8 * kK;
    std::vector<float> values = RandomValues(20 * kK, seed);
    for (std::size_t i = 0; i < values.size(); i += 2) {
      if (i >= kLoud) values[i] *= 1e-3F;
      values[i + 1] = i < kLoud ? values[i] : -values[i];
    }
    input = runtime::Tensor::Of<float>(DataType::kFloat, {20, kK}, values);
  };
  std::uint32_t seed = 0;
  for (compare::InputSet& set : cases.learned_from) with_quiet_rows(set.inputs[0], seed++);
  with_quiet_rows(cases.judged_by[0].inputs[0], 50);
  const LearnedWeight weight = Learn(cases).weights.at(0);
  EXPECT_LT(weight.learned_noise, weight.nearest_noise);
  EXPECT_THAT(weight.obstacle, HasSubstr("only the loud numbers"));
}

TEST_F(LearnerTest, InputsOfZerosTeachNothing) {
  builder_.Output("y", {-1, kN}).Node("MatMul", {"x", "w"}, {"y"}, "m");
  SplitCases cases = CasesOf(20);
  for (compare::InputSet& set : cases.learned_from) {
    set.inputs[0] = runtime::Tensor::Of<float>(DataType::kFloat, {20, kK}, std::vector<float>(20 * kK, 0));
  }
  EXPECT_THAT(Learn(cases).weights.at(0).obstacle, HasSubstr("nothing but zeros"));
}

// One copy of the codes, for the rows of both.
TEST_F(LearnerTest, AWeightOfTwoProductsIsLearnedOnce) {
  builder_.Initializer("v", {kN, kK}, RandomValues(kK * kN, 9)).Output("y", {-1, kN});
  builder_.Node("MatMul", {"x", "w"}, {"a"}, "first");
  builder_.Node("MatMul", {"a", "v"}, {"b"}, "between");
  builder_.Node("MatMul", {"b", "w"}, {"y"}, "second");
  const Learning learning = Learn(CasesOf(20));
  ASSERT_EQ(learning.weights.size(), 2U);
  EXPECT_EQ(learning.weights[0].name, "w");
  EXPECT_EQ(learning.weights[0].rows, 120U);
  EXPECT_EQ(learning.weights[1].rows, 60U);
}

// What the codes of `w` [kK, kN] do to a product with rows.
[[nodiscard]] double NoiseOf(std::span<const std::int8_t> codes, const runtime::Tensor& rows) {
  const auto numbers = RandomValues(kK * kN, 7);
  Floats weight(kK, kN);
  CodeGrid grid{.block = kK, .scales = Floats(1, kN), .zero_points = {}, .range = {-127, 127}};
  Codes matrix(kK, kN);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    weight.data()[i] = numbers[i];
    matrix.data()[i] = codes[i];
  }
  for (int n = 0; n < kN; ++n) grid.scales(0, n) = weight.col(n).cwiseAbs().maxCoeff() / 127;
  const auto values = rows.As<float>();
  return ErrorOfProduct(Eigen::Map<const Floats>(values.data(), rows.shape[0], kK), weight, grid, matrix)
      .noise;
}

// Two products whose inputs have different things in common: what is good for one is not for the other.
TEST_F(LearnerTest, TheProductThatCountsMoreHasMoreOfTheGain) {
  builder_.Input("u", {-1, kK}).Output("y", {-1, kN}).Output("z", {-1, kN});
  builder_.Node("MatMul", {"x", "w"}, {"y"}, "first");
  builder_.Node("MatMul", {"u", "w"}, {"z"}, "second");
  SplitCases cases = CasesOf(40);
  const auto add = [](compare::InputSet& set, std::uint32_t seed) {
    std::vector<float> values(40 * kK);
    const runtime::Tensor activations = Activations(40, seed);
    std::ranges::copy(activations.As<float>(), values.begin());
    for (std::size_t i = 0; i < values.size(); i += 2) values[i] = -values[i];
    set.inputs.push_back(runtime::Tensor::Of<float>(DataType::kFloat, {40, kK}, values));
  };
  std::uint32_t seed = 20;
  for (compare::InputSet& set : cases.learned_from) add(set, seed++);
  add(cases.judged_by[0], seed);
  const auto with = [&](double first, double second) {
    influences_.nodes[0].of_error = first;
    influences_.nodes[1].of_error = second;
    const auto codes = CodesOf(Learn(cases), 0, kK * kN);
    return std::pair(NoiseOf(codes, cases.judged_by[0].inputs[0]),
                     NoiseOf(codes, cases.judged_by[0].inputs[1]));
  };
  const auto first_counts = with(1, 0.01), second_counts = with(0.01, 1), alike = with(1, 1);
  EXPECT_LT(first_counts.first, 0.8 * alike.first);
  EXPECT_LT(second_counts.second, 0.8 * alike.second);
  EXPECT_LT(alike.second, first_counts.second);
  EXPECT_LT(alike.first, second_counts.first);
}

// An embedding that is the last projection, too.
TEST_F(LearnerTest, OfATiedWeightTheNumbersThemselvesCount) {
  builder_.Initializer("t", {kN, kK}, RandomValues(kK * kN, 11)).Output("y", {-1, kN}).Output("e", {-1, kK});
  builder_.Input("ids", {-1}, onnx::TensorProto::INT64);
  testing::SetInt(builder_.Node("Gemm", {"x", "t"}, {"y"}, "m"), "transB", 1);
  builder_.Node("Gather", {"t", "ids"}, {"e"}, "embed");
  SplitCases cases = CasesOf(20);
  for (auto* sets : {&cases.learned_from, &cases.judged_by}) {
    for (compare::InputSet& set : *sets) set.inputs.push_back(testing::Int64Tensor({2}, {0, 3}));
  }
  const LearnedWeight by_shares = Learn(cases).weights.at(0);
  ASSERT_THAT(by_shares.obstacle, IsEmpty());
  influences_.input_bytes = BytesOf(cases.judged_by);
  const auto with = [&](double noise_of_numbers) {
    influences_.nodes[0] = {.of_error = 1, .noise = 1};
    influences_.nodes[1] = {.of_error = 1, .noise = noise_of_numbers};
    return Learn(cases).weights.at(0);
  };
  const LearnedWeight for_product = with(1e-9), for_both = with(1e-2), for_numbers = with(1e6);
  EXPECT_LT(for_product.learned_noise, 0.5 * for_product.nearest_noise);
  EXPECT_GT(for_both.learned_noise / for_both.nearest_noise,
            for_product.learned_noise / for_product.nearest_noise);
  EXPECT_THAT(for_numbers.obstacle, HasSubstr("no nearer"))
      << "nothing is as near to a number as its nearest code";
}

TEST_F(LearnerTest, OfATurnedWeightCodesStandAsItIsStored) {
  builder_.Initializer("t", {kN, kK}, RandomValues(kK * kN, 11)).Output("y", {-1, kN});
  testing::SetInt(builder_.Node("Gemm", {"x", "t"}, {"y"}, "m"), "transB", 1);
  const Learning learning = Learn(CasesOf(20));
  ASSERT_EQ(learning.weights.size(), 1U);
  EXPECT_THAT(learning.weights[0].obstacle, IsEmpty());
  // Each number is within some steps of its code, which would not be so in another order.
  const auto codes = CodesOf(learning, 0, kK * kN);
  const auto numbers = RandomValues(kK * kN, 11);
  for (std::size_t n = 0; n < kN; ++n) {
    float largest = 0;
    for (std::size_t k = 0; k < kK; ++k) largest = std::max(largest, std::abs(numbers[n * kK + k]));
    for (std::size_t k = 0; k < kK; ++k) {
      EXPECT_NEAR(codes[n * kK + k], numbers[n * kK + k] / largest * 127,
                  learning.weights[0].most_steps + 0.51);
    }
  }
}

TEST_F(LearnerTest, PositionsThatAreMaskedDoNotCount) {
  builder_.Input("mask", {-1}, onnx::TensorProto::INT64).Output("y", {-1, kN});
  builder_.Output("z", {-1}, onnx::TensorProto::INT64);
  builder_.Node("MatMul", {"x", "w"}, {"y"}, "m");
  builder_.Node("Identity", {"mask"}, {"z"}, "i");
  SplitCases cases = CasesOf(20);
  std::vector<std::int64_t> mask(20, 1);
  std::fill_n(mask.begin(), 10, 0);
  for (auto* sets : {&cases.learned_from, &cases.judged_by}) {
    for (compare::InputSet& set : *sets) set.inputs.push_back(testing::Int64Tensor({20}, mask));
  }
  const Learning with_all = Learn(cases), with_half = Learn(cases, 1);
  ASSERT_EQ(with_half.weights.size(), 1U);
  EXPECT_NE(with_half.weights[0].nearest_noise, with_all.weights[0].nearest_noise);
}

TEST_F(LearnerTest, LeavesNothingBehindWhenItIsStopped) {
  builder_.Output("y", {-1, kN}).Node("MatMul", {"x", "w"}, {"y"}, "m");
  builder_.Save(Path());
  struct : Observer {
    [[nodiscard]] bool ShouldStop() override { return true; }
  } stopping;
  const Model model = Model::Load(*files_, Path());
  auto weights = FindLearnable(model, testing::OfAnySize(), std::vector<Form>(1, {FormKind::kPerToken}), {});
  try {
    static_cast<void>(
        Learner(*files_, Path(), options_, stopping).Learn(std::move(weights), influences_, CasesOf(20), {}));
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInterrupted);
  }
}

}  // namespace
}  // namespace qi8::rounding
