// The models that tune makes to measure with, run on ONNX Runtime.
#include "tune/probe_models.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "io/temporary_folder.hpp"
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

  void WriteUnit(const Unit& unit, const Choice& choice) {
    const std::vector<DataType> types(unit.reads.size(), DataType::kFloat);
    Selection selection = testing::OfAnySize();
    selection.scheme.type = WeightType::kUint8;  // with which products are exact on every processor
    WriteAlone(*files_, Path(), selection, {}, unit, choice, types, nullptr, scratch_.folder(), "unit.onnx",
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

}  // namespace
}  // namespace qi8::tune
