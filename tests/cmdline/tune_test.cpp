// quantize-int8 tune, and --min-sqnr of the main command, on the real ONNX Runtime.
#include <signal.h>
#include <unistd.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "cmdline/tune_fixture.hpp"
#include "runtime/saturation.hpp"
#include "support/model_builder.hpp"
#include "support/npz_builder.hpp"
#include "support/onnx_runtime.hpp"

namespace qi8::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

TEST_F(TuneTest, APlanIsAConfigurationThatReachesItsTarget) {
  WriteTinyModel();
  const ProgramResult tuned = Tune({"--min-sqnr", "33", "--max-size", "400kB"});
  ASSERT_EQ(tuned.status, 0) << tuned.err;
  EXPECT_THAT(tuned.err, HasSubstr("the inputs were made up"));
  for (const char* word : {"what can be had", "<- the plan", "predicted: ", "measured:  "}) {
    EXPECT_THAT(tuned.out, HasSubstr(word));
  }
  EXPECT_THAT(Written(), ::testing::ElementsAre("plan.toml"));
  EXPECT_TRUE(fs::is_empty(folder_ / "tmp"));
  const std::string plan = ReadFile(folder_ / "out" / "plan.toml");
  EXPECT_THAT(plan, StartsWith("# A form for each node of m.onnx"));
  EXPECT_THAT(plan, HasSubstr("\nnode-form = [\n"));

  const ProgramResult quantized = Quantize({"--config", "out/plan.toml", "-q"});
  ASSERT_EQ(quantized.status, 0) << quantized.err;
  EXPECT_GE(Sqnr(), 33);
  EXPECT_EQ(Run({"verify", "out/q.onnx", "--against", "in/m.onnx"}).status, 0);

  // The same bytes on another instruction set and with more threads.
  const std::string bytes = ReadFile(output());
  ASSERT_EQ(
      Quantize({"--config", "out/plan.toml", "-q", "--force", "--isa", "scalar", "--threads", "3"}).status,
      0);
  EXPECT_EQ(ReadFile(output()), bytes);

  // A plan may be replaced by a plan.
  EXPECT_EQ(Tune({"--min-sqnr", "20", "-q"}).status, 0);
}

// Products by uint8 weights are exact on every processor.
TEST_F(TuneTest, APlanSaysWhatTypeOfWeightsItIsFor) {
  WriteTinyModel();
  const ProgramResult tuned = Tune({"--weight-type", "uint8", "--max-size", "300kB"});
  ASSERT_EQ(tuned.status, 0) << tuned.err;
  EXPECT_THAT(tuned.err, Not(HasSubstr("VNNI")));
  const ProgramResult quantized = Quantize({"--config", "out/plan.toml", "-q"});
  ASSERT_EQ(quantized.status, 0) << quantized.err;
  EXPECT_THAT(DumpGraph(ParseModel(output())), HasSubstr("W_quantized uint8"));
}

TEST_F(TuneTest, SaysWhereProductsSaturate) {
  WriteTinyModel();
  const ProgramResult tuned = Tune({"--max-size", "300kB"});
  ASSERT_EQ(tuned.status, 0) << tuned.err;
  const bool is_said = tuned.err.find("--weight-type uint8") != std::string::npos;
  EXPECT_EQ(is_said, runtime::ProductsSaturateHere()) << tuned.err;
}

TEST_F(TuneTest, TheMainCommandTunesAndWritesInOneGo) {
  WriteTinyModel();
  const ProgramResult result = Call({"in/m.onnx", "out/q.onnx", "--min-sqnr", "33", "--max-size", "400kB"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_GE(Sqnr(), 33);
  EXPECT_EQ(Run({"verify", "out/q.onnx", "--against", "in/m.onnx"}).status, 0);
  const auto record = json::parse(ReadFile(folder_ / "out" / "quantization_log.jsonl"));
  EXPECT_FALSE(record["options"]["node_forms"].empty());
  EXPECT_TRUE(fs::is_empty(folder_ / "tmp"));
}

TEST_F(TuneTest, ADamagedPlanIsRefused) {
  WriteTinyModel();
  ASSERT_EQ(Tune({"--min-sqnr", "20", "--max-size", "300kB", "-q"}).status, 0);
  const std::string plan = ReadFile(folder_ / "out" / "plan.toml");
  fs::remove(folder_ / "out" / "plan.toml");
  const auto expect = [&](const std::string& text, const std::string& word) {
    WriteFile(folder_ / "plan.toml", text);
    const ProgramResult result = Quantize({"--config", "plan.toml"});
    EXPECT_EQ(result.status, 2) << result.err;
    EXPECT_THAT(result.err, HasSubstr(word));
    EXPECT_THAT(Written(), IsEmpty());
  };
  for (const std::size_t cut : {plan.size() - 3, plan.size() / 2}) {
    expect(plan.substr(0, cut), "is not valid TOML");
  }
  const std::string begin = "node-form = [\n";
  const auto with = [&](const std::string& entry) {
    std::string changed = plan;
    return changed.insert(changed.find(begin) + begin.size(), entry);
  };
  expect(with("\"residual=no such node\",\n"), "names no node that has a form");
  expect(with("\"fine=block0/up/MatMul\",\n"), "'fine=block0/up/MatMul' is not a form");
  expect("expect-input = \"12\"\n", "is not a SHA-256");
}

TEST_F(TuneTest, WrongUsageIsRefused) {
  WriteTinyModel();
  ExpectNothing(Tune({"--forms", "per-tensor"}), 2, {"--batch-dependent"});
  ExpectNothing(Tune({"--forms", "fine"}), 2, {"'fine' is not a form", "per-token"});
  ExpectNothing(Tune({"--min-sqnr", "-3"}), 2, {"--min-sqnr must be above 0"});
  ExpectNothing(Tune({"--mask", "nothing"}), 2, {"no input 'nothing'", "'codes'"});
  ExpectNothing(Tune({"--require-inputs"}), 2, {"--require-inputs"});
  ExpectNothing(Call({"in/m.onnx", "out/q.onnx", "--min-sqnr", "30", "--form", "residual"}), 2, {"--form"});
  ExpectNothing(Call({"in/m.onnx", "out/q.onnx", "--min-sqnr", "30", "--optimize", "basic"}), 2,
                {"the optimized model"});
}

TEST_F(TuneTest, ModelsAndInputsThatDoNotFitAreRefused) {
  WriteTinyModel();
  WriteFile(folder_ / "plan.toml", "mine");
  const ProgramResult other = Call({"tune", "in/m.onnx", "plan.toml"});
  EXPECT_EQ(other.status, 1);
  EXPECT_THAT(other.err, HasSubstr("exists and is not a plan that tune wrote"));
  EXPECT_EQ(ReadFile(folder_ / "plan.toml"), "mine");

  WriteFile(folder_ / "wrong.npz",
            ZipFile({{.name = "codes.npy", .bytes = NpyFile<float>("<f4", "(1, 3)", {1, 2, 3})}}));
  ExpectNothing(Tune({"--inputs", "wrong.npz"}), 1, {"wrong.npz", "codes"});

  ModelBuilder integers;
  integers.Input("x", {2, 8}).Output("y", {2}, onnx::TensorProto::INT64);
  integers.Initializer("w", {8, 4}, RandomValues(32));
  integers.Node("MatMul", {"x", "w"}, {"m"}, "m");
  SetInt(integers.Node("ArgMax", {"m"}, {"y"}, "a"), "keepdims", 0);
  SetInt(*integers.graph().mutable_node(1), "axis", 1);
  integers.Save(input());
  ExpectNothing(Tune(), 1, {"no node whose form could be chosen"});

  ModelBuilder none;
  none.Input("x", {2, 8}).Output("y", {2, 8}).Node("Relu", {"x"}, {"y"}, "r");
  none.Save(input());
  ExpectNothing(Tune(), 1, {"no node whose form could be chosen"});

  ModelBuilder unknown;
  unknown.Input("x", {2, 64}).Output("y", {2, 64}).Initializer("w", {64, 64}, RandomValues(64 * 64));
  unknown.Node("MatMul", {"x", "w"}, {"m"}, "m");
  unknown.Node("Unheard", {"m"}, {"y"}, "u");
  unknown.Save(input());
  ExpectNothing(Tune(), 1, {"'in/m.onnx': ONNX Runtime", "cannot open the model"});
}

// Products whose rows a mask switches off do not count: here all noise is in such rows.
TEST_F(TuneTest, MaskedPositionsDoNotCount) {
  ModelBuilder builder;
  builder.Input("x", {2, 3, 64})
      .Input("attention_mask", {2, 3}, onnx::TensorProto::INT64)
      .Output("y", {2, 3, 64});
  builder.Initializer("w", {64, 64}, RandomValues(64 * 64));
  builder.Node("MatMul", {"x", "w"}, {"p"}, "m");
  builder.Int64Initializer("axes", {1}, {2});
  builder.Node("Unsqueeze", {"attention_mask", "axes"}, {"wide"}, "u");
  SetInt(builder.Node("Cast", {"wide"}, {"real"}, "c"), "to", onnx::TensorProto::FLOAT);
  builder.Node("Mul", {"p", "real"}, {"kept"}, "k");
  builder.Node("Add", {"kept", "p"}, {"y"}, "a");
  builder.Save(input());
  std::vector<float> x = RandomValues(2 * 3 * 64);
  const std::vector<std::int64_t> mask = {1, 1, 0, 1, 0, 0};
  for (std::size_t row = 0; row < 6; ++row) {
    for (std::size_t i = 0; i < 64; ++i) {
      if (mask[row] == 0) x[row * 64 + i] *= 1e4F;
    }
  }
  WriteFile(folder_ / "in.npz",
            ZipFile({{.name = "x.npy", .bytes = NpyFile("<f4", "(2, 3, 64)", x)},
                     {.name = "attention_mask.npy", .bytes = NpyFile("<i8", "(2, 3)", mask)}}));
  ASSERT_EQ(Quantize({"--form", "per-tensor", "--weight-type", "uint8", "--allow-growth", "-q"}).status, 0);
  // One scale for all: what counts is next to nothing in it.
  EXPECT_LT(Sqnr({"--inputs", "in.npz"}), 3);
  EXPECT_GT(Sqnr({"--inputs", "in.npz", "--mask", "x"}), 30) << "another input, of no zeros";
}

TEST_F(TuneTest, CtrlCLeavesNothing) {
  models::write_audio_core(input(), {.size = models::kSmall});
  const pid_t program = StartProgram(
      QI8_PROGRAM, {"tune", "in/m.onnx", "out/plan.toml", "--onnxruntime", QI8_TEST_ONNXRUNTIME},
      folder_ / "said", {.folder = folder_.path(), .environment = {"TMPDIR=" + (folder_ / "tmp").native()}});
  for (int i = 0; i < 3000 && fs::is_empty(folder_ / "tmp"); ++i) ::usleep(10'000);
  ASSERT_FALSE(fs::is_empty(folder_ / "tmp"));
  ::usleep(300'000);
  ::kill(program, SIGINT);
  EXPECT_EQ(StatusOf(program), 130) << ReadFile(folder_ / "said");
  EXPECT_TRUE(fs::is_empty(folder_ / "tmp"));
  EXPECT_THAT(Written(), IsEmpty());
}

}  // namespace
}  // namespace qi8::testing
