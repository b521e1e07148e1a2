// Inputs from files, and inputs made up.
#include "compare/cases.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "model/proto.hpp"
#include "qi8/error.hpp"
#include "support/npz_builder.hpp"
#include "support/temp_folder.hpp"

namespace qi8::compare {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

[[nodiscard]] runtime::ValueInfo Info(const std::string& name, DataType type, std::vector<std::int64_t> shape,
                                      std::vector<std::string> dim_names = {}) {
  dim_names.resize(shape.size());
  return {.name = name,
          .type = type,
          .shape = std::move(shape),
          .dim_names = std::move(dim_names),
          .is_tensor = true};
}

void ExpectError(ErrorKind kind, const std::string& words, const std::function<void()>& call) {
  try {
    call();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    EXPECT_THAT(error.what(), HasSubstr(words));
  }
}

class ReadCasesTest : public ::testing::Test {
 protected:
  void Put(const std::string& path, float value, const std::string& name = "") {
    onnx::TensorProto tensor;
    tensor.set_name(name);
    tensor.set_data_type(onnx::TensorProto::FLOAT);
    tensor.add_float_data(value);
    std::filesystem::create_directories((folder_ / path).parent_path());
    testing::WriteFile(folder_ / path, tensor.SerializeAsString());
  }
  [[nodiscard]] std::vector<Case> Read() {
    return ReadCases(*MakePosixFileSystem(), folder_.path(),
                     {Info("a/x", DataType::kFloat, {}), Info("y", DataType::kFloat, {})})
        .cases;
  }
  [[nodiscard]] static std::vector<float> Values(const Case& one) {
    std::vector<float> values;
    for (const auto& input : one.sets.at(0).inputs) values.push_back(input.As<float>()[0]);
    return values;
  }
  testing::TempFolder folder_;
};

TEST_F(ReadCasesTest, ReadsSetsInTheOrderOfTheirNumbers) {
  for (const int n : {10, 2, 0}) {
    const std::string set = "test_data_set_" + std::to_string(n);
    Put(set + "/input_0.pb", static_cast<float>(n));
    Put(set + "/input_1.pb", 1);
    Put(set + "/output_0.pb", 9);
  }
  const auto cases = Read();
  ASSERT_EQ(cases.size(), 3U);
  EXPECT_EQ(cases[2].label, "test_data_set_10");
  EXPECT_THAT(Values(cases[1]), ElementsAre(2, 1));
}

TEST_F(ReadCasesTest, AFolderOfFilesIsOneCase) {
  Put("a_x.pb", 1);  // the input's name, with its slash as "_"
  Put("y.pb", 2);
  testing::WriteFile(folder_ / "notes.txt", "of no concern");
  const auto cases = Read();
  ASSERT_EQ(cases.size(), 1U);
  EXPECT_EQ(cases[0].label, folder_.path().filename().native());
  EXPECT_THAT(Values(cases[0]), ElementsAre(1, 2));
}

TEST_F(ReadCasesTest, TheNameInAFileCountsMoreThanItsNumber) {
  Put("input_0.pb", 1, "y");
  Put("input_1.pb", 2, "a/x");
  EXPECT_THAT(Values(Read()[0]), ElementsAre(2, 1));
}

TEST_F(ReadCasesTest, SaysWhatIsMissingUnknownOrTwice) {
  const auto expect = [this](const std::string& words) {
    ExpectError(ErrorKind::kFailure, words, [this] { static_cast<void>(Read()); });
  };
  expect("no file for the model's input 'a/x'; add input_0.pb or .npy");
  Put("input_0.pb", 1);
  expect("no file for the model's input 'y'");
  Put("input_2.pb", 1);
  expect("the model has no such input; name the file after one of 'a/x', 'y'");
  std::filesystem::remove(folder_ / "input_2.pb");
  Put("a_x.pb", 1);
  expect("it gives the input 'a/x', and so does 'a_x.pb'");
}

TEST_F(ReadCasesTest, AFolderThatIsNotThereIsAnError) {
  ExpectError(ErrorKind::kFailure, "cannot read this folder of inputs",
              [this] { static_cast<void>(ReadCases(*MakePosixFileSystem(), folder_ / "none", {})); });
}

// Of a model with an input x [1, 3] and, where there are two, y [].
class ReadNpzCasesTest : public ::testing::Test {
 protected:
  void Put(const std::string& path, const std::vector<testing::ZipMember>& members) {
    std::filesystem::create_directories((folder_ / path).parent_path());
    testing::WriteFile(folder_ / path, testing::ZipFile(members));
  }
  [[nodiscard]] Cases Read(const std::string& path, std::optional<std::size_t> most = {}) {
    return ReadCases(*MakePosixFileSystem(), folder_ / path, inputs_, most);
  }
  [[nodiscard]] static testing::ZipMember Member(const std::string& name, const std::string& shape,
                                                 const std::vector<float>& values) {
    return {.name = name + ".npy", .bytes = testing::NpyFile<float>("<f4", shape, values)};
  }
  std::vector<runtime::ValueInfo> inputs_ = {Info("x", DataType::kFloat, {1, 3})};
  testing::TempFolder folder_;
};

TEST_F(ReadNpzCasesTest, AFileIsACaseAndAFolderHasThemInNaturalOrder) {
  for (const int n : {10, 9, 1}) {
    Put("set/r" + std::to_string(n) + ".npz", {Member("x", "(1, 3)", {static_cast<float>(n), 0, 0})});
  }
  const auto cases = Read("set").cases;
  ASSERT_EQ(cases.size(), 3U);
  EXPECT_EQ(cases[0].label, "r1.npz");
  EXPECT_EQ(cases[2].label, "r10.npz");
  EXPECT_THAT(cases[2].sets.at(0).inputs.at(0).As<float>(), ElementsAre(10, 0, 0));
  EXPECT_THAT(Read("set/r9.npz").cases.at(0).sets.at(0).inputs.at(0).As<float>(), ElementsAre(9, 0, 0));
  EXPECT_EQ(Read("set", 2).cases.size(), 2U);
}

TEST_F(ReadNpzCasesTest, ArraysAreFoundByNameByNumberOrByTheirShape) {
  Put("number.npz", {Member("input_0", "(1, 3)", {1, 2, 3})});
  Put("place.npz", {Member("arr_0", "(1, 3)", {1, 2, 3})});
  Put("shape.npz", {Member("audio", "(1, 3)", {1, 2, 3}), Member("labels", "(1,)", {5})});
  for (const char* file : {"number.npz", "place.npz", "shape.npz"}) {
    EXPECT_THAT(Read(file).cases.at(0).sets.at(0).inputs.at(0).As<float>(), ElementsAre(1, 2, 3)) << file;
  }
  EXPECT_THAT(Read("shape.npz").notes, ElementsAre(HasSubstr("not inputs were left alone: 'labels'")));
  Put("two.npz", {Member("a", "(1, 3)", {1, 2, 3}), Member("b", "(1, 3)", {1, 2, 3})});
  ExpectError(ErrorKind::kFailure, "no array for the model's input 'x', only 'a', 'b'",
              [this] { static_cast<void>(Read("two.npz")); });
}

TEST_F(ReadNpzCasesTest, ManyRecordingsAreSetsOfOneCase) {
  Put("r.npz", {Member("x", "(4, 3)", {0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3})});
  const Cases all = Read("r.npz");
  ASSERT_EQ(all.cases.size(), 1U);
  ASSERT_EQ(all.cases[0].sets.size(), 4U);
  EXPECT_EQ(all.cases[0].sets[2].label, "recording 2");
  EXPECT_THAT(all.cases[0].sets[2].inputs[0].shape, ElementsAre(1, 3));
  EXPECT_THAT(all.cases[0].sets[2].inputs[0].As<float>(), Each(2));
  EXPECT_THAT(all.from, HasSubstr("4 sets of inputs"));
  EXPECT_EQ(Read("r.npz", 2).cases[0].sets.size(), 2U);
  inputs_.push_back(Info("y", DataType::kFloat, {1}));
  Put("uneven.npz", {Member("x", "(4, 3)", std::vector<float>(12)), Member("y", "(3,)", {1, 2, 3})});
  ExpectError(ErrorKind::kFailure, "one input has 4 recordings and another 3",
              [this] { static_cast<void>(Read("uneven.npz")); });
}

TEST_F(ReadNpzCasesTest, AnotherTypeIsAnErrorThatSaysHowToConvert) {
  Put("r.npz", {{.name = "x.npy", .bytes = testing::NpyFile<std::int16_t>("<i2", "(1, 3)", {1, 2, 3})}});
  ExpectError(ErrorKind::kFailure,
              "array 'x': its elements are int16, and the model's input 'x' takes float32; save "
              "array.astype('float32') / 32768",
              [this] { static_cast<void>(Read("r.npz")); });
}

class GenerateCasesTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::vector<Case> Generate() { return GenerateCases(options_, inputs_, bounds_).cases; }
  [[nodiscard]] runtime::Tensor First() { return Generate().at(0).sets.at(0).inputs.at(0); }
  void ExpectUsage(const std::string& words) {
    ExpectError(ErrorKind::kUsage, words, [this] { static_cast<void>(Generate()); });
  }

  CompareOptions options_;
  std::vector<runtime::ValueInfo> inputs_ = {Info("codes", DataType::kInt64, {-1, -1}, {"batch", "time"}),
                                             Info("x", DataType::kFloat, {2, -1, 3})};
  std::map<std::string, std::int64_t> bounds_;
};

TEST_F(GenerateCasesTest, DynamicDimensionsHaveDefaultsAndOptions) {
  EXPECT_THAT(Generate()[0].sets[0].inputs[0].shape, ElementsAre(1, 64));
  EXPECT_THAT(Generate()[0].sets[0].inputs[1].shape, ElementsAre(2, 64, 3));
  options_.dims = {{"time", 7}, {"x:1", 5}};
  EXPECT_THAT(Generate()[0].sets[0].inputs[0].shape, ElementsAre(1, 7));
  EXPECT_THAT(Generate()[0].sets[0].inputs[1].shape, ElementsAre(2, 5, 3));
  options_.dims = {{"tiem", 7}};
  ExpectUsage("no dynamic dimension 'tiem'; the dynamic dimensions are 'batch', 'time', 'x:1'");
  options_.dims = {{"x:0", 7}};  // is fixed
  ExpectUsage("no dynamic dimension 'x:0'");
}

TEST_F(GenerateCasesTest, DimensionsOfOneNameAreAsLarge) {
  inputs_.push_back(Info("state", DataType::kFloat, {2, -1, 128}, {"", "batch"}));
  EXPECT_THAT(Generate()[0].sets[0].inputs[2].shape, ElementsAre(2, 1, 128));
  options_.dims = {{"time", 8}, {"x:1", 8}};
  options_.lengths.values = {3};
  EXPECT_EQ(Generate()[0].label, "batch=3");
  EXPECT_THAT(Generate()[0].sets[0].inputs[2].shape, ElementsAre(2, 3, 128));
}

TEST_F(GenerateCasesTest, LengthsAreThoseOfTheFirstDimensionBehindTheBatch) {
  options_.lengths.values = {50, 100};
  const auto cases = Generate();
  ASSERT_EQ(cases.size(), 2U);
  EXPECT_EQ(cases[1].label, "time=100");
  EXPECT_EQ(cases[1].length, 100);
  EXPECT_THAT(cases[1].sets[0].inputs[0].shape, ElementsAre(1, 100));
  options_.dims = {{"time", 8}};
  EXPECT_EQ(Generate()[0].label, "x:1=50");
  options_.dims["x:1"] = 8;
  EXPECT_EQ(Generate()[0].label, "batch=50");
  options_.dims["batch"] = 8;
  ExpectUsage("no dynamic dimension is left");
  options_ = {};
  options_.lengths = {{"batch"}, {3}};
  EXPECT_THAT(First().shape, ElementsAre(3, 64));
  options_.lengths.dimensions = {"speed"};
  ExpectUsage("--lengths: the model has no dynamic dimension 'speed'");
}

TEST_F(GenerateCasesTest, DimensionsThatBelongTogetherVaryTogether) {
  inputs_ = {Info("input_ids", DataType::kInt64, {-1, -1}, {"batch", "seq_len"}),
             Info("attention_mask", DataType::kInt64, {-1, -1}, {"batch", "total_seq_len"}),
             Info("past_0", DataType::kFloat, {-1, 4, -1}, {"batch", "past_seq_len"}),
             Info("mask_2", DataType::kBool, {-1}, {"past_seq_len + seq_len"})};
  inputs_[2].dim_names = {"batch", "", "past_seq_len"};
  options_.lengths.values = {50, 100};
  EXPECT_THAT(Generate()[1].sets[0].inputs[0].shape, ElementsAre(1, 100));
  EXPECT_THAT(Generate()[1].sets[0].inputs[1].shape, ElementsAre(1, 100));
  EXPECT_THAT(Generate()[1].sets[0].inputs[2].shape, ElementsAre(1, 4, 0));
  options_.dims["past_seq_len"] = 16;
  EXPECT_THAT(Generate()[1].sets[0].inputs[1].shape, ElementsAre(1, 116));
  EXPECT_THAT(Generate()[1].sets[0].inputs[3].shape, ElementsAre(116));
  options_.lengths = {{"seq_len", "total_seq_len"}, {5}};
  EXPECT_EQ(Generate()[0].label, "seq_len=5");
  EXPECT_THAT(Generate()[0].sets[0].inputs[1].shape, ElementsAre(1, 5));
}

TEST_F(GenerateCasesTest, SignalsAreSeveralProbesAndStatesAreNot) {
  inputs_ = {Info("audio", DataType::kFloat, {1, 400}), Info("state", DataType::kFloat, {2, 1, 128}),
             Info("attention_mask", DataType::kFloat, {1, 400})};
  const auto sets = Generate().at(0).sets;
  ASSERT_EQ(sets.size(), 5U);
  EXPECT_EQ(sets[1].label, "1/f noise");
  for (const InputSet& set : sets) {
    EXPECT_EQ(set.inputs[1].data, sets[0].inputs[1].data);
    EXPECT_THAT(set.inputs[2].As<float>(), Each(1.F));
  }
  EXPECT_NE(sets[1].inputs[0].data, sets[0].inputs[0].data);
  options_.values = {{"audio", {0, 0}}};
  EXPECT_EQ(Generate().at(0).sets.size(), 1U);
}

TEST_F(GenerateCasesTest, IntegersIndexTheirTableAndAreElseOne) {
  EXPECT_THAT(First().As<std::int64_t>(), Each(1));
  bounds_["codes"] = 4;
  options_.dims["time"] = 1000;
  std::vector<int> counts(4);
  const auto codes = First();
  for (const auto value : codes.As<std::int64_t>()) ++counts.at(static_cast<std::size_t>(value));
  EXPECT_THAT(counts, Each(::testing::Gt(150)));
}

TEST_F(GenerateCasesTest, FloatsAreNormallyDistributedAndFollowTheSeed) {
  inputs_ = {Info("x", DataType::kFloat, {10000})};
  const auto first = First();
  double sum = 0, squares = 0;
  for (const double value : first.As<float>()) {
    sum += value;
    squares += value * value;
  }
  EXPECT_NEAR(sum / 10000, 0, 0.05);
  EXPECT_NEAR(squares / 10000, 1, 0.05);
  EXPECT_EQ(First().data, first.data);
  options_.seed = 2;
  EXPECT_NE(First().data, first.data);
}

TEST_F(GenerateCasesTest, ValuesAreThoseAskedFor) {
  inputs_ = {Info("x", DataType::kFloat, {1000}),    Info("rate", DataType::kInt64, {}),
             Info("mask", DataType::kBool, {4}),     Info("half", DataType::kFloat16, {2}),
             Info("wide", DataType::kBfloat16, {2}), Info("pixels", DataType::kUint8, {1000})};
  options_.values = {{"x", {2, 3}}, {"rate", {16000, 16000}}, {"half", {1.5, 1.5}}, {"wide", {-2, -2}}};
  const auto inputs = Generate()[0].sets[0].inputs;
  EXPECT_THAT(inputs[0].As<float>(), Each(::testing::AllOf(::testing::Ge(2.F), ::testing::Le(3.F))));
  EXPECT_THAT(inputs[1].As<std::int64_t>(), ElementsAre(16000));
  EXPECT_THAT(inputs[2].As<std::uint8_t>(), Each(1));
  EXPECT_THAT(inputs[3].As<std::uint16_t>(), Each(0x3E00));
  EXPECT_THAT(inputs[4].As<std::uint16_t>(), Each(0xC000));
  EXPECT_THAT(inputs[5].As<std::uint8_t>(),
              ::testing::AllOf(::testing::Contains(0), ::testing::Contains(255)));
  options_.values = {{"speed", {1, 1}}};
  ExpectUsage("--values: the model has no input 'speed'");
  options_.values = {{"rate", {0, 1.5}}};
  ExpectUsage("input 'rate' is of type int64, which cannot hold the values");
  options_.values = {{"pixels", {0, 256}}};
  ExpectUsage("input 'pixels' is of type uint8");
}

TEST_F(GenerateCasesTest, InputsThatCannotBeMadeAreNamed) {
  options_.dims["time"] = INT64_MAX;
  ExpectUsage("input 'codes': the shape [1, 9223372036854775807] is negative or too large");
  options_ = {};
  inputs_ = {Info("words", DataType::kString, {1})};
  ExpectError(ErrorKind::kFailure, "input 'words' is of type string",
              [this] { static_cast<void>(Generate()); });
}

}  // namespace
}  // namespace qi8::compare
