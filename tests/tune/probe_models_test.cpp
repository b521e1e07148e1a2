// The models that tune makes to measure with, run on ONNX Runtime.
#include "tune/probe_models.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "io/temporary_folder.hpp"
#include "prepare/learnable.hpp"
#include "prepare/twins.hpp"
#include "runtime/fidelity.hpp"
#include "runtime/onnx_runtime.hpp"
#include "support/any_size.hpp"
#include "support/model_builder.hpp"
#include "support/temp_folder.hpp"

namespace qi8::tune {
namespace {

using runtime::Tensor;
using testing::ModelBuilder;
using testing::RandomValues;

// Two products, the first with its weight in a file of its own and behind a Transpose.
class ProbeModelsTest : public ::testing::Test {
 protected:
  ProbeModelsTest() : files_(MakePosixFileSystem()), scratch_(*files_) {
    ModelBuilder builder;
    builder.Input("x", {4, 48}).Output("z", {4, 24});
    builder.Initializer("w", {64, 48}, RandomValues(64 * 48), testing::Storage::kExternal);
    builder.Initializer("v", {64, 24}, RandomValues(64 * 24, 2));
    builder.Node("Transpose", {"w"}, {"t"}, "t");
    builder.Node("MatMul", {"x", "t"}, {"y"}, "first");
    builder.Node("Relu", {"y"}, {"r"}, "relu");
    builder.Node("MatMul", {"r", "v"}, {"z"}, "second");
    builder.Save(Path());
    const std::vector<Form> forms = {{FormKind::kPerToken}};
    units_ = FindUnits(Load(), testing::OfAnySize(), forms, {}).units;
  }

  [[nodiscard]] std::filesystem::path Path() const { return folder_ / "m.onnx"; }
  [[nodiscard]] Model Load() const { return Model::Load(*files_, Path()); }

  [[nodiscard]] static Tensor Floats(std::vector<std::int64_t> shape, std::uint32_t seed) {
    std::size_t count = 1;
    for (const auto dim : shape) count *= static_cast<std::size_t>(dim);
    return Tensor::Of<float>(DataType::kFloat, std::move(shape), RandomValues(count, seed));
  }

  [[nodiscard]] runtime::Session Open(const std::filesystem::path& path,
                                      const std::string& data_folder = "") const {
    return runtime_->OpenSession(path.native(), {.optimization = runtime::SessionOptions::Optimization::kNone,
                                                 .intra_threads = 1,
                                                 .external_data_folder = data_folder});
  }

  // The outputs of a session by name, given inputs by name.
  [[nodiscard]] static std::map<std::string, Tensor> Run(const runtime::Session& session,
                                                         const std::map<std::string, Tensor>& given) {
    std::vector<Tensor> inputs;
    for (const auto& input : session.inputs()) inputs.push_back(given.at(input.name));
    std::vector<Tensor> outputs = session.Run(inputs);
    std::map<std::string, Tensor> named;
    for (std::size_t i = 0; i < outputs.size(); ++i) named[session.outputs()[i].name] = std::move(outputs[i]);
    return named;
  }

  void WriteUnit(const Unit& unit, const Choice& choice, const KnownCodes& codes = {}) {
    const std::vector<DataType> types(unit.reads.size(), DataType::kFloat);
    Selection selection = testing::OfAnySize();
    selection.scheme.type = WeightType::kUint8;  // with which products are exact on every processor
    WriteAlone(*files_, Path(), selection, {}, unit, choice, types, codes, scratch_.folder(), "unit.onnx",
               {});
  }

  testing::TempFolder folder_;
  std::unique_ptr<FileSystem> files_;
  TemporaryFolder scratch_;
  std::vector<Unit> units_;
  std::shared_ptr<runtime::OnnxRuntime> runtime_ = runtime::OnnxRuntime::Load(QI8_TEST_ONNXRUNTIME);
};

TEST_F(ProbeModelsTest, TheTappedModelAddsErrorsToProducts) {
  ASSERT_EQ(units_.size(), 2U);
  const TappedModel tapped = WriteTapped(Load(), units_, scratch_.folder(), "tapped.onnx");
  ASSERT_EQ(tapped.taps.size(), 2U);
  const auto session = Open(scratch_.path() / "tapped.onnx", folder_.path().native());
  const Tensor x = Floats({4, 48}, 5);
  const Tensor zero = Tensor::Of<float>(DataType::kFloat, {}, std::vector<float>{0});
  std::map<std::string, Tensor> inputs = {
      {"x", x}, {tapped.taps[0].errors.at(0), zero}, {tapped.taps[1].errors.at(0), zero}};
  const auto as_it_is = Run(Open(Path()), {{"x", x}});
  const auto without = Run(session, inputs);
  EXPECT_EQ(without.at("z").data, as_it_is.at("z").data);
  EXPECT_EQ(without.at("r").shape, (std::vector<std::int64_t>{4, 64})) << "what the second product reads";
  EXPECT_EQ(without.at(tapped.taps[1].exact.at(0)).data, as_it_is.at("z").data);

  // An error of the last product is that of the output.
  const Tensor error = Floats({4, 24}, 6);
  inputs[tapped.taps[1].errors.at(0)] = error;
  const auto with = Run(session, inputs);
  for (std::size_t i = 0; i < 4 * 24; ++i) {
    EXPECT_EQ(with.at("z").As<float>()[i], as_it_is.at("z").As<float>()[i] + error.As<float>()[i]);
  }
}

TEST_F(ProbeModelsTest, AUnitAloneGivesWhatItGivesInTheModel) {
  const Tensor x = Floats({4, 48}, 5);
  ASSERT_EQ(units_[0].names, std::vector<std::string>{"first"});
  WriteUnit(units_[0], units_[0].choices.back());
  const auto exact = Run(Open(scratch_.path() / "unit.onnx"), {{"x", x}});
  ASSERT_EQ(exact.size(), 1U);
  const auto w = RandomValues(64 * 48);
  for (std::size_t row = 0; row < 4; ++row) {
    for (std::size_t column = 0; column < 64; ++column) {
      double sum = 0;
      for (std::size_t k = 0; k < 48; ++k) sum += x.As<float>()[row * 48 + k] * double{w[column * 48 + k]};
      EXPECT_NEAR(exact.at("y").As<float>()[row * 64 + column], sum, 1e-4);
    }
  }
  scratch_.folder().Remove("unit.onnx");
  scratch_.folder().Remove("unit.onnx.data");
  WriteUnit(units_[0], units_[0].choices.front());
  const auto coarse = Run(Open(scratch_.path() / "unit.onnx"), {{"x", x}});
  const double sqnr = runtime::CompareOutputs(exact.at("y"), coarse.at("y")).sqnr_db;
  EXPECT_GT(sqnr, 35);
  EXPECT_LT(sqnr, 60);
}

// The second product's weight is the embedding's transposed, and has no numbers of its own to be rounded.
TEST_F(ProbeModelsTest, ATwinHasTheCodesOfTheOther) {
  constexpr std::int64_t kWords = 80, kWidth = 64;
  const auto embedding = RandomValues(kWords * kWidth, 3);
  std::vector<float> turned(embedding.size());
  for (std::size_t i = 0; i < embedding.size(); ++i) turned[i % kWidth * kWords + i / kWidth] = embedding[i];
  ModelBuilder builder;
  builder.Input("ids", {4}, onnx::TensorProto::INT64).Output("z", {4, kWords});
  builder.Initializer("e", {kWords, kWidth}, embedding).Initializer("d", {kWidth, kWords}, turned);
  builder.Node("Gather", {"e", "ids"}, {"x"}, "embed");
  builder.Node("MatMul", {"x", "d"}, {"z"}, "project");
  builder.Save(Path());
  Model model = Load();
  const Twins twins = FindTwins(model, {});
  ASSERT_EQ(twins.size(), 1U);
  model.SetTwins(twins);
  const std::vector<Form> forms(model.nodes().size(), {FormKind::kPerToken});
  Selection selection = testing::OfAnySize();
  selection.scheme.type = WeightType::kUint8;
  const std::vector<Learnable> weights = FindLearnable(model, selection, forms, {});
  ASSERT_EQ(weights.size(), 1U);
  // Codes that are all zero points: all that is computed with them is zero.
  RoundedWeights rounded;
  scratch_.folder().Create("codes")->WriteAt(0, std::vector<std::byte>(embedding.size()));
  rounded.Add(model.tensors()[weights[0].tensor].source, weights[0].encoding,
              {files_->OpenForReading(scratch_.path() / "codes"), 0});
  const std::vector<Unit> units = FindUnits(model, selection, std::span(forms).first(1), {}).units;
  ASSERT_EQ(units.size(), 2U);
  const Tensor x = Floats({4, kWidth}, 5);
  const auto run = [&](const KnownCodes& codes) {
    WriteUnit(units[1], units[1].choices.front(), codes);
    auto outputs = Run(Open(scratch_.path() / "unit.onnx"), {{"x", x}});
    scratch_.folder().Remove("unit.onnx");
    scratch_.folder().Remove("unit.onnx.data");
    return outputs.at("z");
  };
  EXPECT_GT(runtime::CompareOutputs(run({}), run({.twins = twins})).sqnr_db, 60);
  EXPECT_LT(runtime::CompareOutputs(run({}), run({.twins = twins, .rounded = &rounded})).sqnr_db, 20);
}

}  // namespace
}  // namespace qi8::tune
