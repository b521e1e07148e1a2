// --optimize: ONNX Runtime's optimizer before quantizing. What it writes is quantized, runs and is as near to
// the FP32 model as without it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "io/file_system.hpp"
#include "io/staging_folder.hpp"
#include "models/audio_core.hpp"
#include "qi8/error.hpp"
#include "runtime/model_optimizer.hpp"
#include "support/model_builder.hpp"
#include "support/onnx_runtime.hpp"
#include "support/program.hpp"
#include "support/temp_folder.hpp"

namespace qi8::testing {
namespace {

namespace fs = std::filesystem;

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

constexpr models::AudioCoreSize kTwentyMegabytes{
    .blocks = 4, .width = 256, .heads = 4, .feed_forward = 1024, .codes = 2048};

class Optimize : public ::testing::TestWithParam<const char*> {
 protected:
  [[nodiscard]] ProgramResult Quantize(const std::vector<std::string>& options) {
    std::vector<std::string> arguments = {"fp32.onnx", "int8.onnx", "--onnxruntime", RuntimeLibrary()};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return RunQuantizeInt8(arguments, {.folder = folder_.path(), .environment = {}});
  }
  [[nodiscard]] std::vector<std::string> Files() const {
    std::vector<std::string> names;
    for (const auto& entry : folder_.Listing()) names.push_back(entry.first);
    return names;
  }
  [[nodiscard]] std::map<std::string, std::string> Metadata() const {
    std::map<std::string, std::string> metadata;
    const auto model = ParseModel(folder_ / "int8.onnx");
    for (const auto& entry : model.metadata_props()) metadata[entry.key()] = entry.value();
    return metadata;
  }

  TempFolder folder_;
};

TEST_P(Optimize, TheAudioCoreIsQuantizedAsWell) {
  for (const auto& size : {models::kTiny, kTwentyMegabytes}) {
    models::write_audio_core(folder_ / "fp32.onnx", {.size = size});
    const std::vector<runtime::Tensor> input = {AudioCodes(100, size.codes)};
    const auto reference = RunModel(folder_ / "fp32.onnx", input);
    const auto result = Quantize({"--force", "--optimize", GetParam()});
    ASSERT_EQ(result.status, 0) << result.err;
    const auto fidelity = runtime::CompareOutputs(reference[0], RunModel(folder_ / "int8.onnx", input)[0]);
    std::printf("%s: SQNR %.2f dB, cosine %.6f\n", GetParam(), fidelity.sqnr_db, fidelity.cosine);
    EXPECT_GT(fidelity.sqnr_db, 23);  // audio_core_test.cpp has the same without
    EXPECT_THAT(result.err, HasSubstr(size.width == models::kTiny.width ? "16 weights" : "30 weights"));
  }
}

TEST_P(Optimize, OnlyTheOutputStays) {
  models::write_audio_core(folder_ / "fp32.onnx", {});
  const std::string before = ReadFile(folder_ / "fp32.onnx");
  ASSERT_EQ(Quantize({"--optimize", GetParam()}).status, 0);
  EXPECT_THAT(Files(), UnorderedElementsAre("fp32.onnx", "fp32.onnx.data", "int8.onnx", "int8.onnx.data",
                                            "int8.onnx.sha256", "quantization_log.jsonl"));
  EXPECT_EQ(ReadFile(folder_ / "fp32.onnx"), before);
  EXPECT_EQ(RunProgram("sha256sum", {"-c", "int8.onnx.sha256"}, {.folder = folder_.path(), .environment = {}})
                .status,
            0);
}

TEST_P(Optimize, RecordsNameTheSourceAndTheOptimizer) {
  models::write_audio_core(folder_ / "fp32.onnx", {});
  ASSERT_EQ(Quantize({"--optimize", GetParam()}).status, 0);
  const auto sum = [this](const char* file) {
    return RunProgram("sha256sum", {(folder_ / file).native()}).out.substr(0, 64);
  };
  auto metadata = Metadata();
  EXPECT_EQ(metadata["quantize-int8.source.sha256"], sum("fp32.onnx"));
  EXPECT_EQ(metadata["quantize-int8.source.data.sha256"], sum("fp32.onnx.data"));
  EXPECT_EQ(metadata["quantize-int8.optimizer"], "ONNX Runtime " + Runtime().Version() + ", " + GetParam());
  const auto record = nlohmann::json::parse(ReadFile(folder_ / "quantization_log.jsonl"));
  EXPECT_EQ(record["options"]["optimize"], GetParam());
  EXPECT_EQ(record["libraries"]["optimizer"], "ONNX Runtime " + Runtime().Version());
  ASSERT_EQ(record["inputs"].size(), 2U);
  EXPECT_EQ(record["inputs"][0]["sha256"], sum("fp32.onnx"));
  EXPECT_THAT(record["inputs"][1]["path"].get<std::string>(), HasSubstr("fp32.onnx.data"));

  // All of it is proved as for any other.
  const auto verify = [this](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"verify", "int8.onnx"});
    return RunQuantizeInt8(arguments, {.folder = folder_.path(), .environment = {}});
  };
  EXPECT_EQ(verify({}).status, 0) << verify({}).out;
  const auto against = verify({"--against", "fp32.onnx", "--onnxruntime", RuntimeLibrary()});
  EXPECT_EQ(against.status, 0) << against.out << against.err;
}

TEST_P(Optimize, ADryRunLeavesNothing) {
  models::write_audio_core(folder_ / "fp32.onnx", {});
  const auto result = Quantize({"--optimize", GetParam(), "--dry-run"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("INT8, "));
  EXPECT_THAT(Files(), UnorderedElementsAre("fp32.onnx", "fp32.onnx.data"));
}

TEST_P(Optimize, AFailureLeavesNothing) {
  ModelBuilder builder;
  builder.Input("x", {2, 8}).Output("y", {2, 4}).Initializer("w", {8, 4}, RandomValues(32));
  builder.Node("MatMul", {"x", "w"}, {"z"});
  builder.Node("NoSuchOperator", {"z"}, {"y"});
  builder.Save(folder_ / "fp32.onnx");
  const auto result = Quantize({"--optimize", GetParam()});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, AllOf(HasSubstr("fp32.onnx"), HasSubstr("NoSuchOperator")));
  EXPECT_THAT(Files(), UnorderedElementsAre("fp32.onnx"));
}

TEST_P(Optimize, WhatAKilledRunLeftIsRemoved) {
  models::write_audio_core(folder_ / "fp32.onnx", {});
  const auto left = folder_ / ".int8.onnx.qi8-optimized";
  const auto beside = MakePosixFileSystem()->OpenFolder(folder_.path());
  static_cast<void>(StagingFolder::Claim(*beside, left.filename().native()));  // given up, and not removed
  WriteFile(left / "model.onnx", "half of a mod");
  WriteFile(left / "model.onnx.data", "and its data");
  EXPECT_EQ(Quantize({"--optimize", GetParam()}).status, 0);
  EXPECT_THAT(Files(), Not(Contains(HasSubstr("qi8-optimized"))));
}

// Real models, in which the optimizer finds much more to do.
TEST_P(Optimize, TrainedModelsStillRun) {
  for (const auto& entry : fs::directory_iterator(QI8_TEST_MODELS)) {
    fs::copy_file(entry.path(), folder_ / "fp32.onnx", fs::copy_options::overwrite_existing);
    const auto result = Quantize({"--force", "--allow-empty", "--optimize", GetParam()});
    ASSERT_EQ(result.status, 0) << entry.path() << ": " << result.err;
    EXPECT_NO_THROW(static_cast<void>(Runtime().OpenSession((folder_ / "int8.onnx").native())))
        << entry.path();
  }
}

// Before IR version 4 every initializer is an input too. The optimizer folds some, whose inputs it leaves,
// and makes others that are no inputs; the result is a valid model all the same, and asks for nothing new.
TEST_P(Optimize, ModelsOfIr3AskForNoNewInputs) {
  ModelBuilder builder(8, 3);
  builder.Input("x", {2, 16}).Output("y", {2, 8});
  builder.Input("w", {16, 8}).Initializer("w", {16, 8}, RandomValues(128));
  builder.Input("factors", {8}).Initializer("factors", {8}, RandomValues(8, 2));
  builder.Node("Mul", {"w", "factors"}, {"scaled"});
  builder.Node("MatMul", {"x", "scaled"}, {"y"}, "product");
  builder.Save(folder_ / "fp32.onnx");
  const auto result = Quantize({"--optimize", GetParam()});
  ASSERT_EQ(result.status, 0) << result.err;
  const auto model = ParseModel(folder_ / "int8.onnx");
  EXPECT_EQ(model.ir_version(), 4) << "the first that lets initializers be no inputs";
  ASSERT_EQ(model.graph().input_size(), 1);
  EXPECT_EQ(model.graph().input(0).name(), "x");
  const std::vector<runtime::Tensor> input = {FloatTensor({2, 16}, RandomValues(32, 3))};
  const auto reference = RunModel(folder_ / "fp32.onnx", input);
  for (const auto optimization : kAllAndNoOptimizations) {
    const auto found = RunModel(folder_ / "int8.onnx", input, optimization);
    EXPECT_GT(runtime::CompareOutputs(reference[0], found[0]).sqnr_db, 30);
  }
  EXPECT_EQ(
      RunQuantizeInt8({"verify", "int8.onnx", "--against", "fp32.onnx", "--onnxruntime", RuntimeLibrary()},
                      {.folder = folder_.path(), .environment = {}})
          .status,
      0);
}

// What is said of weights that constants are computed from comes true.
TEST_P(Optimize, WeightsThatAreComputedFromConstantsAreQuantized) {
  for (const std::string op : {"Slice", "Split", "Mul", "function"}) {
    ModelBuilder builder;
    builder.Input("x", {2, 16}).Output("y", {2, 16});
    if (op != "function") builder.Initializer("stored", {16, 32}, RandomValues(512));
    if (op == "Slice") {
      for (const auto& [name, value] : {std::pair("from", 0), {"to", 16}, {"axis", 1}}) {
        builder.Int64Initializer(name, {1}, {value});
      }
      builder.Node("Slice", {"stored", "from", "to", "axis"}, {"w"});
    } else if (op == "Split") {
      SetInt(builder.Node("Split", {"stored"}, {"w", "other"}), "axis", 1);
    } else if (op == "Mul") {
      builder.Initializer("half", {16, 16}, RandomValues(256)).Initializer("factor", {16}, RandomValues(16));
      builder.Node("Mul", {"half", "factor"}, {"w"});
    }
    if (op == "function") {
      builder.Import("local");
      auto& function = *builder.model().add_functions();
      function.set_name("Project");
      function.set_domain("local");
      *function.add_opset_import() = builder.model().opset_import(0);
      function.add_input("a");
      function.add_output("b");
      ModelBuilder part;
      SetTensor(part.Node("Constant", {}, {"w"}), "value", {16, 16}, RandomValues(256));
      part.Node("MatMul", {"a", "w"}, {"b"});
      for (const auto& node : part.graph().node()) *function.add_node() = node;
      builder.Node("Project", {"x"}, {"y"}, "call").set_domain("local");
    } else {
      builder.Node("MatMul", {"x", "w"}, {"y"}, "product");
    }
    builder.Save(folder_ / "fp32.onnx");
    const auto kept = Quantize({});
    EXPECT_EQ(kept.status, 3) << op;
    EXPECT_THAT(kept.err, AllOf(HasSubstr("--optimize basic"), HasSubstr(op == "function" ? "Project" : op)));
    const auto result = Quantize({"--force", "--optimize", GetParam()});
    EXPECT_EQ(result.status, 0) << op << ": " << result.err;
    EXPECT_THAT(result.err, HasSubstr("1 weight"));
  }
}

// Where there is external data, ONNX Runtime 1.30 writes the initializers of bodies twice, and does not load
// what it wrote; 1.32 does both well. What the version at hand writes decides.
class OptimizeBodies : public Optimize {
 protected:
  // Whether the runtime loads what its own optimizer makes of fp32.onnx.
  [[nodiscard]] bool RuntimeLoadsWhatItWrites() {
    const auto level =
        std::string(GetParam()) == "basic" ? qi8::Optimization::kBasic : qi8::Optimization::kExtended;
    const TempFolder folder;
    runtime::ModelOptimizer(RuntimeLibrary()).Optimize(folder_ / "fp32.onnx", true, level, folder / "m.onnx");
    try {
      static_cast<void>(Runtime().OpenSession((folder / "m.onnx").native()));
    } catch (const Error&) {
      return false;
    }
    return true;
  }

  // Whether fp32.onnx was quantized, which it is to be where the runtime can.
  [[nodiscard]] bool IsQuantizedWhereTheRuntimeCan() {
    const bool can = RuntimeLoadsWhatItWrites();
    const auto result = Quantize({"--allow-empty", "--force", "--optimize", GetParam()});
    EXPECT_EQ(result.status, can ? 0 : 1) << result.err;
    if (!can) {
      EXPECT_THAT(result.err, AllOf(HasSubstr("fp32.onnx"), HasSubstr("not a valid model"),
                                    HasSubstr("without --optimize"), HasSubstr("a later version")));
      EXPECT_THAT(Files(), Not(Contains(HasSubstr("int8"))));
      return false;
    }
    const auto verified =
        RunQuantizeInt8({"verify", "int8.onnx", "--against", "fp32.onnx", "--onnxruntime", RuntimeLibrary()},
                        {.folder = folder_.path(), .environment = {}});
    EXPECT_EQ(verified.status, 0) << verified.out << verified.err;
    return true;
  }
};

TEST_P(OptimizeBodies, OfTrainedModels) {
  // Its inputs cannot be made up without a word: it takes 512 samples at a time, at a rate that it knows.
  const std::map<std::string, std::vector<std::string>> models = {
      {"silero_vad.onnx", {"--dim", "input:1=512", "--dim", "state:1=1", "--values", "sr=16000"}},
      {"silero_vad_half.onnx", {"--dim", "input:1=512"}}};
  for (const auto& [name, inputs] : models) {
    const std::string inside = (fs::path(QI8_TEST_MODELS) / name).native();
    ASSERT_EQ(RunQuantizeInt8({inside, "fp32.onnx", "--allow-empty", "--force"},
                              {.folder = folder_.path(), .environment = {}})
                  .status,
              0);  // its weights are beside it now
    if (IsQuantizedWhereTheRuntimeCan()) {
      std::vector<std::string> compare = {"compare", "fp32.onnx", "int8.onnx",     "--min-sqnr",    "30",
                                          "--runs",  "1",         "--onnxruntime", RuntimeLibrary()};
      compare.insert(compare.end(), inputs.begin(), inputs.end());
      const auto compared = RunQuantizeInt8(compare, {.folder = folder_.path(), .environment = {}});
      EXPECT_EQ(compared.status, 0) << compared.out << compared.err;
    }
  }
}

TEST_P(OptimizeBodies, WithAWeightOfTheirOwn) {
  ModelBuilder builder;
  builder.Input("c", {}, onnx::TensorProto::BOOL).Input("x", {2, 64}).Output("y", {2, 64});
  auto& node = builder.Node("If", {"c"}, {"y"}, "if");
  for (const std::string branch : {"then", "else"}) {
    ModelBuilder inner;
    inner.Node("MatMul", {"x", branch + "_w"}, {branch + "_y"}, branch + "_product");
    inner.Output(branch + "_y", {2, 64});
    auto& body = SetGraph(node, branch + "_branch");
    body = inner.graph();
    body.set_name(branch);
    builder.Initializer(branch + "_w", {64, 64}, RandomValues(64 * 64, static_cast<std::uint32_t>(branch[0])),
                        Storage::kExternal);
    auto& weight = *body.add_initializer();
    weight.Swap(builder.graph().mutable_initializer(0));
    weight.mutable_external_data(0)->set_value("fp32.onnx.data");
    builder.graph().clear_initializer();
  }
  builder.Save(folder_ / "fp32.onnx");
  if (!IsQuantizedWhereTheRuntimeCan()) return;
  for (const bool condition : {true, false}) {
    const std::vector<runtime::Tensor> inputs = {runtime::Tensor{DataType::kBool, {}, {std::byte{condition}}},
                                                 FloatTensor({2, 64}, RandomValues(128))};
    const auto reference = RunModel(folder_ / "fp32.onnx", inputs);
    for (const auto optimization : kAllAndNoOptimizations) {
      const auto found = RunModel(folder_ / "int8.onnx", inputs, optimization);
      EXPECT_GT(runtime::CompareOutputs(reference[0], found[0]).sqnr_db, 30);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, Optimize, ::testing::Values("basic", "extended"),
                         [](const auto& level) { return std::string(level.param); });
INSTANTIATE_TEST_SUITE_P(Levels, OptimizeBodies, ::testing::Values("basic", "extended"),
                         [](const auto& level) { return std::string(level.param); });

}  // namespace
}  // namespace qi8::testing
