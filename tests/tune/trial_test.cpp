// Taking back learned codes, by measurements that are made up.
#include "tune/trial.hpp"

#include <gmock/gmock.h>

#include "support/any_size.hpp"
#include "support/memory_file_system.hpp"
#include "support/model_builder.hpp"

namespace qi8::tune {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::vector<Form> kTriedForms = {{FormKind::kPerToken}, {FormKind::kResidual}};

// Two weights: `w` of two products, `v` of one. All of them are learned.
class TakeBackTest : public ::testing::Test {
 protected:
  TakeBackTest() : model_(Load()) {
    for (const Form& form : kTriedForms) {
      learned_.Add(model_, testing::OfAnySize(), std::vector<Form>(model_.nodes().size(), form), {});
    }
    rounded_.report.weights.resize(learned_.weights.size());
    for (const Learnable& weight : learned_.weights) {
      rounded_.codes.Add(model_.tensors()[weight.tensor].source, weight.encoding, {});
    }
    for (Measurements* measured : {&nearest_, &after_}) {
      *measured = {.cases = {"c"},
                   .outputs = {"y"},
                   .signal = {1},
                   .units = {},
                   .unplanned = {},
                   .fp32_seconds = 1,
                   .fp32_bytes = 1};
      for (Unit& unit : FindUnits(model_, testing::OfAnySize(), kTriedForms, {}).units) {
        UnitMeasure& measure = measured->units.emplace_back();
        for (const Choice& choice : unit.choices)
          measure.choices.push_back({.choice = choice, .noise = {1e-3}});
        measure.choices.back().noise = {0};
        measure.unit = std::move(unit);
      }
    }
  }

  [[nodiscard]] Model Load() {
    testing::ModelBuilder builder;
    builder.Input("x", {2, 32}).Output("y", {2, 32});
    builder.Initializer("w", {32, 32}, testing::RandomValues(1024));
    builder.Initializer("v", {32, 32}, testing::RandomValues(1024, 2));
    builder.Node("MatMul", {"x", "w"}, {"a"}, "first");
    builder.Node("MatMul", {"a", "w"}, {"b"}, "second");
    builder.Node("MatMul", {"b", "v"}, {"y"}, "third");
    files_.Add("m.onnx", builder.model().SerializeAsString());
    return Model::Load(files_, "m.onnx");
  }

  // The noise that learned codes give a unit in a form of kTriedForms.
  void Learned(std::size_t unit, std::size_t form, double noise) {
    after_.units.at(unit).choices.at(form).noise = {noise};
  }

  // What was said of each weight, once those are taken back that do not help.
  [[nodiscard]] std::vector<std::string> Obstacles() {
    TakeBack(model_, learned_, {nearest_, after_}, rounded_);
    std::vector<std::string> obstacles;
    for (const LearnedWeight& weight : rounded_.report.weights) obstacles.push_back(weight.obstacle);
    return obstacles;
  }

  [[nodiscard]] bool HasCodes(std::size_t weight) const {
    const Learnable& learned = learned_.weights.at(weight);
    return rounded_.codes.Find(model_.tensors()[learned.tensor].source, learned.encoding) != nullptr;
  }

  testing::MemoryFileSystem files_;
  Model model_;
  LearnedWeights learned_;
  Rounded rounded_;
  Measurements nearest_, after_;
};

TEST_F(TakeBackTest, WeightsAreFoundOnceForAllForms) {
  EXPECT_EQ(learned_.weights.size(), 2U);
  EXPECT_EQ(learned_.uses.size(), 6U) << "three products in two forms";
}

TEST_F(TakeBackTest, KeepsWhatBringsTheOutputsNearer) {
  for (std::size_t unit = 0; unit < 3; ++unit) {
    for (std::size_t form = 0; form < 2; ++form) Learned(unit, form, 0.5e-3);
  }
  EXPECT_THAT(Obstacles(), ::testing::Each(IsEmpty()));
  EXPECT_TRUE(HasCodes(0));
  EXPECT_TRUE(HasCodes(1));
}

TEST_F(TakeBackTest, TakesBackWhatTakesThemFurtherAway) {
  for (std::size_t form = 0; form < 2; ++form) {
    Learned(0, form, 0.5e-3);
    Learned(1, form, 0.5e-3);
    Learned(2, form, 2e-3);
  }
  rounded_.report.weights[0].most_steps = 2;
  rounded_.report.weights[1].most_steps = 5;
  EXPECT_THAT(Obstacles(), ::testing::ElementsAre(IsEmpty(), HasSubstr("no nearer to FP32's")));
  EXPECT_EQ(rounded_.report.most_steps(), 2U);
  EXPECT_TRUE(HasCodes(0));
  EXPECT_FALSE(HasCodes(1));
  EXPECT_EQ(after_.units[2].choices[0].noise, std::vector{1e-3}) << "what the nearest codes give";
  EXPECT_EQ(after_.units[0].choices[0].noise, std::vector{0.5e-3});
}

// A gain that chance could make is none.
TEST_F(TakeBackTest, TakesBackWhatMakesNoDifference) {
  for (std::size_t unit = 0; unit < 3; ++unit) {
    for (std::size_t form = 0; form < 2; ++form) Learned(unit, form, 0.95e-3);
  }
  EXPECT_THAT(Obstacles(), ::testing::Each(HasSubstr("no nearer to FP32's")));
}

// What the products of a weight lose and gain is judged together.
TEST_F(TakeBackTest, AllUsersOfAWeightCountTogether) {
  for (std::size_t form = 0; form < 2; ++form) {
    Learned(0, form, 1.2e-3);
    Learned(1, form, 0.2e-3);
    Learned(2, form, 0.5e-3);
  }
  EXPECT_THAT(Obstacles(), ::testing::Each(IsEmpty()));
}

TEST_F(TakeBackTest, OneFormThatSuffersIsEnough) {
  for (std::size_t unit = 0; unit < 3; ++unit) {
    Learned(unit, 0, 0.5e-3);
    Learned(unit, 1, unit < 2 ? 2e-3 : 0.5e-3);
  }
  EXPECT_THAT(Obstacles(), ::testing::ElementsAre(HasSubstr("no nearer to FP32's"), IsEmpty()));
}

// The last product alone makes most of the noise at the second output, and next to none at the first.
TEST_F(TakeBackTest, AnOutputCountsByTheShareOfItsNoise) {
  const auto with = [this](double first_output) {
    for (auto* measured : {&nearest_, &after_}) {
      measured->outputs = {"y", "z"};
      measured->signal = {1, 1};
      for (std::size_t unit = 0; unit < 3; ++unit) {
        for (ChoiceMeasure& choice : measured->units[unit].choices) {
          choice.noise = unit == 2 ? std::vector{1e-6, 1e-3} : std::vector{1e-3, 1e-5};
          choice.injected = 1;
        }
      }
    }
    for (std::size_t form = 0; form < 2; ++form) {
      after_.units[2].choices[form].noise = {first_output, 0.5e-3};
    }
    rounded_.report.weights[1].obstacle.clear();
    return Obstacles().at(1);
  };
  EXPECT_THAT(with(5e-6), IsEmpty());
  EXPECT_THAT(with(5e-3), HasSubstr("no nearer to FP32's"));
}

// A form that was left out in one of the two measurements has a noise without end there.
TEST_F(TakeBackTest, WhatWasLeftOutOfAMeasurementSaysNothing) {
  for (std::size_t unit = 0; unit < 3; ++unit) {
    Learned(unit, 0, 0.5e-3);
    Learned(unit, 1, kNoiseWithoutEnd);
    after_.units[unit].choices[1].is_measured = false;
  }
  EXPECT_THAT(Obstacles(), ::testing::Each(IsEmpty()));
}

}  // namespace
}  // namespace qi8::tune
