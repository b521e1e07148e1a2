// quantize-int8 compare, on the real ONNX Runtime.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "cmdline/quantize_fixture.hpp"
#include "runtime/saturation.hpp"
#include "support/npz_builder.hpp"
#include "support/onnx_runtime.hpp"

namespace qi8::testing {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class CompareTest : public QuantizeTest {
 protected:
  // The tiny audio core and its INT8 form, whose products are exact on every processor.
  void WriteBoth() {
    WriteTinyModel();
    ASSERT_EQ(Quantize({"-q", "--weight-type", "uint8"}).status, 0);
  }

  [[nodiscard]] ProgramResult Compare(std::vector<std::string> options = {}) const {
    options.insert(options.begin(), {"in/m.onnx", "out/q.onnx"});
    return CompareFiles(options);
  }
  [[nodiscard]] ProgramResult CompareFiles(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "compare");
    arguments.insert(arguments.end(), {"--runs", "2", "--warmup", "1", "--loads", "1", "--threads", "1",
                                       "--onnxruntime", QI8_TEST_ONNXRUNTIME});
    return Run(arguments);
  }
  [[nodiscard]] json CompareJson(std::vector<std::string> options = {}) const {
    options.push_back("--json");
    const auto result = Compare(options);
    EXPECT_EQ(result.status, 0) << result.err;
    return result.out.empty() ? json() : json::parse(result.out);
  }

  void ExpectError(const std::vector<std::string>& arguments, int status,
                   const std::vector<std::string>& words) {
    const auto result = CompareFiles(arguments);
    EXPECT_EQ(result.status, status) << result.err;
    EXPECT_EQ(result.out, "");
    for (const std::string& word : words) EXPECT_THAT(result.err, HasSubstr(word));
  }
};

TEST_F(CompareTest, PrintsTheTable) {
  WriteBoth();
  const auto result = Compare();
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.err, "");
  for (const char* row :
       {"latency p50", "latency p99", "speedup", "load time", "memory, peak", "size", "output SQNR",
        "output cosine", "top-1 agreement", " % less", "no limits were given"}) {
    EXPECT_THAT(result.out, HasSubstr(row));
  }
}

// Here, as this is the command that needs a runtime.
TEST_F(CompareTest, EveryCommandSaysWhatIsOddInAModelThatIsTaken) {
  ModelBuilder builder = OneMatMul();
  builder.Initializer("w", {8, 4}, RandomValues(32));  // the same again
  builder.Save(input());
  for (const ProgramResult& result :
       {Quantize({"--allow-growth"}), Run({"inspect", "in/m.onnx"}),
        CompareFiles({"in/m.onnx", "out/q.onnx"}), Run({"verify", "out/q.onnx", "--against", "in/m.onnx"})}) {
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_THAT(result.err, HasSubstr("'in/m.onnx': initializer 'w' is defined more than once"));
  }
}

TEST_F(CompareTest, MeasuresBothModels) {
  WriteBoth();
  const json report = CompareJson({"--lengths", "5,20"});
  ASSERT_EQ(report["cases"].size(), 2U);
  EXPECT_EQ(report["cases"][1]["label"], "time=20");
  EXPECT_EQ(report["cases"][1]["inputs"], json({"codes int64 [1, 20]"}));
  for (const json& one : report["cases"]) {
    EXPECT_EQ(one["fp32_latency"]["runs"].size(), 2U);
    const json& output = one["outputs"][0];
    EXPECT_EQ(output["name"], "logits");
    // Better than the runtime's own tool: real_models/audio_core_test.cpp.
    EXPECT_GT(output["sqnr_db"].get<double>(), 23);
    EXPECT_GT(output["cosine"].get<double>(), 0.9975);
    EXPECT_GT(output["top1"].get<double>(), 0.75);
  }
  for (const char* model : {"fp32", "int8"}) {
    EXPECT_EQ(report[model]["load_seconds"].size(), 1U);
    EXPECT_GT(report[model]["memory_after_load"]["resident"], 1'000'000);
    EXPECT_GE(report[model]["memory_after_runs"]["peak"], report[model]["memory_after_load"]["resident"]);
  }
  EXPECT_EQ(report["fp32"]["data_bytes"], std::filesystem::file_size(folder_ / "in" / "m.onnx.data"));
  EXPECT_EQ(report["int8"]["model_bytes"], std::filesystem::file_size(output()));
}

// What goes in is within the embedding table and what comes out is what the runtime gives in this process.
TEST_F(CompareTest, AModelIsEqualToItself) {
  WriteTinyModel();
  const auto result =
      CompareFiles({"in/m.onnx", "in/m.onnx", "--json", "--min-sqnr", "500", "--min-top1", "100%"});
  EXPECT_EQ(result.status, 0) << result.err;
  const json report = json::parse(result.out);
  EXPECT_EQ(report["cases"][0]["outputs"][0]["sqnr_db"], "inf");
  EXPECT_EQ(report["cases"][0]["outputs"][0]["top1"], 1);
}

TEST_F(CompareTest, LimitsDecideTheStatus) {
  WriteBoth();
  const auto holds = Compare({"--min-sqnr", "20", "--min-cosine", "0.99", "--max-size-ratio", "0.4",
                              "--max-rss", "2GB", "--max-latency-p50", "60s"});
  EXPECT_EQ(holds.status, 0) << holds.out;
  EXPECT_THAT(holds.out, HasSubstr("pass: all 5 limits hold"));
  const auto fails = Compare({"--min-sqnr", "60", "--max-size-ratio", "0.4"});
  EXPECT_EQ(fails.status, 4);
  EXPECT_THAT(fails.out, AllOf(::testing::ContainsRegex("at least 60.0 dB +FAIL"),
                               HasSubstr("FAIL: 1 of 2 limits does not hold")));
  const auto quiet = Compare({"--max-rss", "1MB", "-q"});
  EXPECT_EQ(quiet.status, 4);
  EXPECT_EQ(quiet.out + quiet.err, "");
  EXPECT_EQ(Compare({"--max-latency-p50", "1us"}).status, 4);
  EXPECT_EQ(Compare({"--min-speedup", "1000000"}).status, 4);
}

TEST_F(CompareTest, WritesAPage) {
  WriteBoth();
  ASSERT_EQ(Compare({"--report", "r.html"}).status, 0);
  const auto result = Compare({"--report", "r.html", "--lengths", "5,20"});  // replaces its own
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(ReadFile(folder_ / "r.html"),
              AllOf(HasSubstr("<h1>q.onnx</h1>"), HasSubstr("Median latency by length")));
  ExpectError({"in/m.onnx", "out/q.onnx", "--report", "none/r.html"}, 1, {"there is no folder 'none'"});
}

// The input, a model, what a person wrote, and what links lead to.
TEST_F(CompareTest, AReportReplacesNothingThatCompareDidNotWrite) {
  WriteBoth();
  WriteFile(folder_ / "notes.txt", "hello");
  WriteFile(folder_ / "long.txt", std::string(1000, 'x'));
  WriteFile(folder_ / "r.html",
            std::string("<!doctype html>\n<html>a page of someone else's") + std::string(200, ' '));
  std::filesystem::create_symlink("notes.txt", folder_ / "link.html");
  std::filesystem::create_symlink("nowhere", folder_ / "dangling.html");
  std::filesystem::create_hard_link(input(), folder_ / "hard.html");
  std::filesystem::create_directory(folder_ / "folder.html");
  const auto before = Snapshot();
  for (const auto& [path, words] :
       std::map<std::string, std::string>{{"in/m.onnx", "is a model that is to be read"},
                                          {"hard.html", "is a model that is to be read"},
                                          {"out/q.onnx", "is a model that is to be read"},
                                          {"in/m.onnx.data", "is not a report that compare wrote"},
                                          {"notes.txt", "is not a report that compare wrote"},
                                          {"long.txt", "is not a report that compare wrote"},
                                          {"r.html", "is not a report that compare wrote"},
                                          {"folder.html", "is not a report that compare wrote"},
                                          {"link.html", "is a symbolic link"},
                                          {"dangling.html", "is a symbolic link"}}) {
    ExpectError({"in/m.onnx", "out/q.onnx", "--report", path}, 1, {path, words});
    EXPECT_EQ(Snapshot(), before) << path;
  }
}

// A power spectrum, a filter bank and a logarithm, as speech models begin. One scale for the spectrum is
// fine where it is flat, and loses the quiet bands of any other.
TEST_F(CompareTest, MadeUpSignalsShowWhatWhiteNoiseDoesNot) {
  constexpr std::int64_t kFrames = 16, kFrame = 128, kBins = 64, kBands = 16;
  ModelBuilder builder;
  std::vector<float> cosine, sine, bank;
  for (std::int64_t i = 0; i < kFrame; ++i) {
    for (std::int64_t bin = 0; bin < kBins; ++bin) {
      const double phase = 2 * M_PI * static_cast<double>(i * (bin + 1)) / kFrame;
      cosine.push_back(static_cast<float>(std::cos(phase)));
      sine.push_back(static_cast<float>(std::sin(phase)));
    }
  }
  for (std::int64_t bin = 0; bin < kBins; ++bin) {
    for (std::int64_t band = 0; band < kBands; ++band) bank.push_back(bin / 4 == band ? 0.25F : 0);
  }
  builder.Input("audio", {1, kFrames * kFrame}).Output("features", {kFrames, kBands});
  builder.Int64Initializer("frames", {2}, {kFrames, kFrame});
  builder.Initializer("cosine", {kFrame, kBins}, cosine).Initializer("sine", {kFrame, kBins}, sine);
  builder.Initializer("bank", {kBins, kBands}, bank);
  builder.Initializer("floor", {1}, std::vector<float>{1e-6F});
  builder.Node("Reshape", {"audio", "frames"}, {"framed"});
  builder.Node("MatMul", {"framed", "cosine"}, {"real"}, "cosine");
  builder.Node("MatMul", {"framed", "sine"}, {"imaginary"}, "sine");
  builder.Node("Mul", {"real", "real"}, {"real_squared"});
  builder.Node("Mul", {"imaginary", "imaginary"}, {"imaginary_squared"});
  builder.Node("Add", {"real_squared", "imaginary_squared"}, {"power"});
  builder.Node("MatMul", {"power", "bank"}, {"bands"}, "filter_bank");
  builder.Node("Add", {"bands", "floor"}, {"at_least"});
  builder.Node("Log", {"at_least"}, {"features"});
  builder.Save(input());
  ASSERT_EQ(Quantize({"-q", "--include", "filter_bank"}).status, 0);

  const auto result = Compare({"--min-sqnr", "20", "--json"});
  EXPECT_EQ(result.status, 4) << result.err;
  EXPECT_THAT(result.err, HasSubstr("rests on made-up inputs"));
  const json report = json::parse(result.out);
  ASSERT_EQ(report["cases"][0]["sets"].size(), 5U);
  const json& white = report["cases"][0]["sets"][0];
  EXPECT_EQ(white["label"], "white noise");
  EXPECT_GT(white["outputs"][0]["sqnr_db"].get<double>(), 20);
  EXPECT_LT(report["cases"][0]["outputs"][0]["sqnr_db"].get<double>(), 15);
  EXPECT_NE(report["cases"][0]["outputs"][0]["worst_set"], "white noise");
}

TEST_F(CompareTest, SaysWhereInputsCameFrom) {
  WriteBoth();
  const auto made_up = Compare({"--min-sqnr", "10", "--report", "r.html"});
  EXPECT_EQ(made_up.status, 0) << made_up.err;
  EXPECT_THAT(made_up.err, HasSubstr("warning: the verdict on fidelity rests on made-up inputs"));
  EXPECT_THAT(made_up.out,
              AllOf(HasSubstr("inputs: made up, seed 1"), HasSubstr("note: the verdict on fidelity")));
  EXPECT_THAT(ReadFile(folder_ / "r.html"),
              AllOf(HasSubstr("Inputs: made up, seed 1"), HasSubstr("rests on made-up inputs")));
  const json report = CompareJson();
  EXPECT_EQ(report["inputs_made_up"], true);
  EXPECT_EQ(report["notes"], json::array());  // no limit that they decide
  ExpectError({"none.onnx", "none.onnx", "--require-inputs"}, 2, {"--require-inputs", "--inputs"});

  std::filesystem::create_directory(folder_ / "set");
  WriteFile(folder_ / "set" / "codes.npy", NpyFile<std::int64_t>("<i8", "(1, 3)", {1, 2, 3}));
  const auto given = Compare({"--inputs", "set", "--require-inputs", "--min-sqnr", "0"});
  EXPECT_EQ(given.status, 0) << given.err;
  EXPECT_EQ(given.err, "");
  EXPECT_THAT(given.out, HasSubstr("inputs: 'set', 1 set of inputs"));
}

TEST_F(CompareTest, RecordingsComeFromAnArchive) {
  OneMatMul().Save(input());
  ASSERT_EQ(Quantize({"-q", "--allow-growth"}).status, 0);
  const auto values = RandomValues(48);
  WriteFile(
      folder_ / "r.npz",
      ZipFile({{.name = "x.npy", .bytes = NpyFile<float>("<f4", "(6, 8)", {values.begin(), values.end()})},
               {.name = "label.npy", .bytes = NpyFile<float>("<f4", "(3,)", {1, 2, 3})}}));
  const auto result = Compare({"--inputs", "r.npz", "--json"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("left alone: 'label'"));
  const json report = json::parse(result.out);
  ASSERT_EQ(report["cases"].size(), 1U);
  const json& sets = report["cases"][0]["sets"];
  ASSERT_EQ(sets.size(), 3U);
  double least = 1000;
  std::size_t places = 0;
  for (const json& set : sets) {
    least = std::min(least, set["outputs"][0]["sqnr_db"].get<double>());
    places += set["outputs"][0]["top1"].get<double>() == 1 ? 2 : 1;
  }
  const json& output = report["cases"][0]["outputs"][0];
  EXPECT_EQ(output["sqnr_db"], least);
  EXPECT_GE(output["overall_sqnr_db"], least);
  EXPECT_NEAR(output["top1"].get<double>(), static_cast<double>(places) / 6, 1e-9);
  const auto some = Compare({"--inputs", "r.npz", "--cases", "2", "--json"});
  EXPECT_EQ(json::parse(some.out)["cases"][0]["sets"].size(), 2U);
  ExpectError({"in/m.onnx", "out/q.onnx", "--cases", "2"}, 2, {"--cases", "--inputs"});
}

TEST_F(CompareTest, SaysWhereProductsSaturate) {
  WriteTinyModel();
  ASSERT_EQ(Quantize({"-q"}).status, 0);
  const auto result = Compare();
  EXPECT_EQ(result.status, 0) << result.err;
  const bool is_said = result.err.find("--weight-type uint8") != std::string::npos;
  EXPECT_EQ(is_said, runtime::ProductsSaturateHere()) << result.err;
}

TEST_F(CompareTest, OutputsOfTextAreNotCompared) {
  ModelBuilder builder = OneMatMul();
  builder.Output("text", {2, 4}, onnx::TensorProto::STRING);
  SetInt(builder.Node("Cast", {"y"}, {"text"}), "to", onnx::TensorProto::STRING);
  builder.Save(input());
  ASSERT_EQ(Quantize({"-q", "--allow-growth"}).status, 0);
  const auto result = Compare({"--min-sqnr", "20"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("note: output 'text' was not compared: it is of type string"));
}

TEST_F(CompareTest, AModelThatIsNotDeterministicIsToldSo) {
  ModelBuilder builder = OneMatMul();
  builder.Output("z", {2, 4});
  builder.Node("RandomNormalLike", {"y"}, {"noise"});
  builder.Node("Add", {"y", "noise"}, {"z"});
  builder.Save(input());
  const auto result = CompareFiles({"in/m.onnx", "in/m.onnx"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("the FP32 model is not deterministic"), HasSubstr("'z'"),
                                HasSubstr("against itself")));
  OneMatMul().Save(input());
  EXPECT_THAT(CompareFiles({"in/m.onnx", "in/m.onnx"}).out, ::testing::Not(HasSubstr("deterministic")));
}

// A loop that never ends.
class EndlessTest : public CompareTest {
 protected:
  EndlessTest() {
    ModelBuilder builder;
    builder.Input("x", {1}).Output("y", {1});
    onnx::NodeProto& loop = builder.Node("Loop", {"", "", "x"}, {"y"});
    onnx::GraphProto& body = SetGraph(loop, "body");
    const auto value = [](onnx::ValueInfoProto& info, const std::string& name, int type) {
      info.set_name(name);
      info.mutable_type()->mutable_tensor_type()->set_elem_type(type);
      info.mutable_type()->mutable_tensor_type()->mutable_shape();
    };
    value(*body.add_input(), "i", onnx::TensorProto::INT64);
    value(*body.add_input(), "c", onnx::TensorProto::BOOL);
    value(*body.add_input(), "v", onnx::TensorProto::FLOAT);
    body.mutable_input(2)->mutable_type()->mutable_tensor_type()->mutable_shape()->add_dim()->set_dim_value(
        1);
    onnx::NodeProto& keep = *body.add_node();
    keep.set_op_type("Identity");
    keep.add_input("c");
    keep.add_output("c2");
    onnx::NodeProto& add = *body.add_node();
    add.set_op_type("Add");
    add.add_input("v");
    add.add_input("v");
    add.add_output("v2");
    value(*body.add_output(), "c2", onnx::TensorProto::BOOL);
    value(*body.add_output(), "v2", onnx::TensorProto::FLOAT);
    body.mutable_output(1)->mutable_type()->mutable_tensor_type()->mutable_shape()->add_dim()->set_dim_value(
        1);
    builder.Save(input());
  }
};

TEST_F(EndlessTest, ATimeoutEndsIt) {
  ExpectError({"in/m.onnx", "in/m.onnx", "--timeout", "500ms"}, 1,
              {"m.onnx", "took longer than 500 ms", "--timeout"});
}

TEST_F(EndlessTest, CtrlCEndsItAndLeavesNoWorker) {
  const pid_t program =
      StartProgram(QI8_PROGRAM, {"compare", "in/m.onnx", "in/m.onnx", "--onnxruntime", QI8_TEST_ONNXRUNTIME},
                   folder_ / "said", {.folder = folder_.path(), .environment = {}});
  const std::string children =
      "/proc/" + std::to_string(program) + "/task/" + std::to_string(program) + "/children";
  const auto workers = [&] {
    std::ifstream file(children);
    std::vector<pid_t> found;
    for (pid_t child = 0; file >> child;) found.push_back(child);
    return found;
  };
  // Both are there; then the first of them is in its loop or on the way to it.
  for (int i = 0; i < 2000 && workers().size() < 2; ++i) ::usleep(10'000);
  const auto started = workers();
  ASSERT_EQ(started.size(), 2U);
  ::usleep(200'000);
  ::kill(program, SIGINT);
  EXPECT_EQ(StatusOf(program), 130) << ReadFile(folder_ / "said");
  for (const pid_t worker : started) EXPECT_EQ(::kill(worker, 0), -1);
}

TEST_F(CompareTest, InputsComeFromFiles) {
  WriteBoth();
  const auto codes = AudioCodes(7, 256);
  onnx::TensorProto tensor;
  tensor.set_name("codes");
  tensor.set_data_type(onnx::TensorProto::INT64);
  tensor.add_dims(1);
  tensor.add_dims(7);
  for (const auto code : codes.As<std::int64_t>()) tensor.add_int64_data(code);
  std::filesystem::create_directories(folder_ / "sets" / "test_data_set_0");
  WriteFile(folder_ / "sets" / "test_data_set_0" / "input_0.pb", tensor.SerializeAsString());
  // The same codes as NumPy has them.
  std::filesystem::create_directories(folder_ / "sets" / "test_data_set_1");
  std::string header = "{'descr': '<i8', 'fortran_order': False, 'shape': (1, 7), }\n";
  std::string npy = std::string("\x93NUMPY\x01\0", 8) + static_cast<char>(header.size()) + '\0' + header;
  npy.append(reinterpret_cast<const char*>(codes.data.data()), codes.data.size());
  WriteFile(folder_ / "sets" / "test_data_set_1" / "codes.npy", npy);

  const json report = CompareJson({"--inputs", "sets"});
  ASSERT_EQ(report["cases"].size(), 2U);
  EXPECT_EQ(report["cases"][0]["label"], "test_data_set_0");
  EXPECT_EQ(report["cases"][0]["outputs"], report["cases"][1]["outputs"]);
  const auto fidelity =
      runtime::CompareOutputs(RunModel(input(), {codes})[0], RunModel(output(), {codes})[0]);
  EXPECT_NEAR(report["cases"][0]["outputs"][0]["sqnr_db"].get<double>(), fidelity.sqnr_db, 0.01);

  ExpectError({"in/m.onnx", "out/q.onnx", "--inputs", "sets", "--lengths", "1,2"}, 2,
              {"--inputs", "--lengths"});
}

TEST_F(CompareTest, TrainedModelsTakeMadeUpInputs) {
  const std::filesystem::path models = QI8_TEST_MODELS;
  const auto quantize = [&](const std::string& name) {
    EXPECT_EQ(Run({(models / name).native(), "out/q.onnx", "-q", "--force"}).status, 0);
  };
  quantize("silero_vad_op18_ifless.onnx");
  auto result = CompareFiles({(models / "silero_vad_op18_ifless.onnx").native(), "out/q.onnx", "--dim",
                              "input:1=576", "--values", "input=-0.3..0.3", "--values", "state=0", "--values",
                              "sr=16000", "--min-sqnr", "20", "--json"});
  EXPECT_EQ(result.status, 0) << result.err << result.out;
  quantize("ch_PP-OCRv4_rec_infer.onnx");
  result = CompareFiles({(models / "ch_PP-OCRv4_rec_infer.onnx").native(), "out/q.onnx", "--lengths",
                         "x:3=160", "--min-sqnr", "20"});
  EXPECT_EQ(result.status, 0) << result.err << result.out;
  EXPECT_THAT(result.out, HasSubstr("latency p50"));
}

TEST_F(CompareTest, SaysWhatIsWrong) {
  WriteBoth();
  OneMatMul().Save(folder_ / "other.onnx");
  ExpectError({"in/m.onnx", "other.onnx"}, 1,
              {"the models have different inputs", "'codes' of int64", "'x' of float32"});
  ExpectError({"in/m.onnx", "none.onnx"}, 1, {"none.onnx"});
  ExpectError({"in/m.onnx", "out/q.onnx", "--dim", "tiem=5"}, 2, {"--dim", "'tiem'", "'batch', 'time'"});
  ExpectError({"in/m.onnx", "out/q.onnx", "--dim", "5"}, 2, {"--dim: '5' is not of the form NAME=SIZE"});
  ExpectError({"in/m.onnx", "out/q.onnx", "--dim", "time=many"}, 2, {"--dim: 'many' is not a size"});
  ExpectError({"in/m.onnx", "out/q.onnx", "--lengths", "5,,6"}, 2, {"--lengths: '' is not a size"});
  ExpectError({"in/m.onnx", "out/q.onnx", "--values", "codes=3..1"}, 2, {"--values", "INPUT=LOW..HIGH"});
  ExpectError({"in/m.onnx", "out/q.onnx", "--max-rss", "much"}, 2, {"--max-rss", "1500MB"});
  ExpectError({"in/m.onnx", "out/q.onnx", "--values", "codes=99999"}, 1,
              {"m.onnx", "cannot run the model", "made up: codes int64 [1, 64]", "--inputs"});
}

TEST_F(CompareTest, WithoutOnnxRuntimeItSaysHowToGetIt) {
  WriteBoth();
  const auto result = RunQuantizeInt8({"compare", "in/m.onnx", "out/q.onnx", "--onnxruntime", "none.so"},
                                      {.folder = folder_.path(), .environment = {}});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, AllOf(HasSubstr("'none.so' (given with --onnxruntime)"),
                                HasSubstr("pip install onnxruntime"), HasSubstr("QI8_ONNXRUNTIME")));
}

TEST_F(CompareTest, TheEnvironmentNamesTheLibrary) {
  WriteBoth();
  const auto result = RunQuantizeInt8(
      {"compare", "in/m.onnx", "out/q.onnx", "--runs", "1", "--loads", "1"},
      {.folder = folder_.path(), .environment = {std::string("QI8_ONNXRUNTIME=") + QI8_TEST_ONNXRUNTIME}});
  EXPECT_EQ(result.status, 0) << result.err;
}

// A program that stands alone: nothing is beside it.
TEST_F(CompareTest, RunsOnPipsPackageOfTheActivePython) {
  WriteBoth();
  std::filesystem::copy_file(QI8_PROGRAM, folder_ / "program");
  const std::string prefix = QI8_TEST_PIP_PREFIX;
  for (const std::vector<std::string>& environment :
       {std::vector<std::string>{"VIRTUAL_ENV=" + prefix, "QI8_ONNXRUNTIME="},
        std::vector<std::string>{"VIRTUAL_ENV=", "CONDA_PREFIX=" + prefix, "QI8_ONNXRUNTIME="}}) {
    const auto result = RunProgram(
        folder_ / "program", {"compare", "in/m.onnx", "out/q.onnx", "--runs", "1", "--loads", "1", "--json"},
        {.folder = folder_.path(), .environment = environment});
    ASSERT_EQ(result.status, 0) << result.err;
    EXPECT_THAT(result.out, HasSubstr("\"1.32.0\""));
  }
}

// What the loader finds first are text files, which end its search.
TEST_F(CompareTest, WithoutAnyLibraryItSaysWhereItLooked) {
  WriteBoth();
  std::filesystem::create_directory(folder_ / "bin");
  std::filesystem::copy_file(QI8_PROGRAM, folder_ / "bin/program");
  std::filesystem::create_directory(folder_ / "loader");
  for (int minor = -2; minor < 100; ++minor) {
    const std::string suffix = minor == -2 ? "" : minor == -1 ? ".1" : ".1." + std::to_string(minor);
    WriteFile(folder_ / ("loader/libonnxruntime.so" + suffix), std::string(100, 'x'));
  }
  const std::string folder = folder_.path().native();
  const auto result =
      RunProgram(folder_ / "bin/program", {"compare", "in/m.onnx", "out/q.onnx"},
                 {.folder = folder_.path(),
                  .environment = {"QI8_ONNXRUNTIME=", "VIRTUAL_ENV=/no/venv", "CONDA_PREFIX=", "PATH=/no/bin",
                                  "HOME=" + folder, "LD_LIBRARY_PATH=" + folder + "/loader"}});
  EXPECT_EQ(result.status, 1);
  for (const std::string& part :
       {std::string("'pip install onnxruntime' gets one"), std::string("--onnxruntime"), folder + "/bin;",
        folder + "/onnxruntime/lib;", std::string("of VIRTUAL_ENV, /no/venv"),
        "of the user, " + folder + "/.local", std::string("libonnxruntime.so.1 on the loader's path")}) {
    EXPECT_THAT(result.err, HasSubstr(part));
  }
}

TEST_F(CompareTest, TheWorkerIsForTheProgramAlone) {
  const auto result = Run({"compare-worker"});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, HasSubstr("run quantize-int8 compare"));
}

}  // namespace
}  // namespace qi8::testing
