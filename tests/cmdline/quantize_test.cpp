// Runs that succeed: what they write, what they say and where.
#include <fcntl.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "cmdline/quantize_fixture.hpp"
#include "hash/sha256.hpp"
#include "kernels/isa.hpp"
#include "support/golden.hpp"

namespace qi8::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Not;

[[nodiscard]] std::vector<json> RecordsOf(const std::string& log) {
  std::vector<json> records;
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) records.push_back(json::parse(line));
  return records;
}

[[nodiscard]] std::map<std::string, std::string> MetadataOf(const fs::path& path) {
  const onnx::ModelProto model = ParseModel(path);
  std::map<std::string, std::string> metadata;
  for (const auto& entry : model.metadata_props()) metadata[entry.key()] = entry.value();
  return metadata;
}

// The bytes of every initializer, out of the model or of its data file.
[[nodiscard]] std::map<std::string, std::string> TensorsOf(const fs::path& path) {
  const onnx::ModelProto model = ParseModel(path);
  std::map<std::string, std::string> tensors;
  for (const auto& tensor : model.graph().initializer()) {
    if (tensor.data_location() != onnx::TensorProto::EXTERNAL) {
      tensors[tensor.name()] = tensor.raw_data();
      continue;
    }
    std::map<std::string, std::string> place;
    for (const auto& entry : tensor.external_data()) place[entry.key()] = entry.value();
    EXPECT_EQ(place["location"], path.filename().native() + ".data");
    const std::string data = ReadFile(path.parent_path() / place["location"]);
    tensors[tensor.name()] = data.substr(std::stoull(place["offset"]), std::stoull(place["length"]));
  }
  return tensors;
}

TEST_F(QuantizeTest, WritesModelDataChecksumsAndLogAndNothingElse) {
  WriteTinyModel();
  const ProgramResult result = Quantize();
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(Written(), ElementsAre("q.onnx", "q.onnx.data", "q.onnx.sha256", "quantization_log.jsonl"));
  const ProgramResult check = CheckSums("out", "q.onnx.sha256");
  EXPECT_EQ(check.status, 0);
  EXPECT_EQ(check.out, "q.onnx: OK\nq.onnx.data: OK\n");

  const onnx::ModelProto model = ParseModel(output());
  std::map<std::string, int> operators;
  for (const auto& node : model.graph().node()) ++operators[node.op_type()];
  EXPECT_EQ(operators["MatMulIntegerToFloat"], 15);
  EXPECT_EQ(operators["MatMul"], 4) << "of two activations";
}

TEST_F(QuantizeTest, LeavesTheInputFolderAlone) {
  WriteTinyModel();
  const auto state = [this] {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::directory_iterator(folder_ / "in")) {
      struct stat status {};
      EXPECT_EQ(::stat(entry.path().c_str(), &status), 0);
      files[entry.path().native()] =
          std::to_string(status.st_mtim.tv_sec) + "." + std::to_string(status.st_mtim.tv_nsec) + " " +
          std::to_string(status.st_ino) + " " + Sha256::HexOf(ReadFile(entry.path()));
    }
    struct stat status {};
    EXPECT_EQ(::stat((folder_ / "in").c_str(), &status), 0);
    files["."] = std::to_string(status.st_mtim.tv_sec) + "." + std::to_string(status.st_mtim.tv_nsec);
    return files;
  };
  const auto before = state();
  EXPECT_EQ(Quantize().status, 0);
  EXPECT_EQ(Quantize({"--dry-run"}).status, 0);
  EXPECT_EQ(Quantize({"--force"}).status, 0);
  EXPECT_EQ(state(), before);
}

TEST_F(QuantizeTest, BytesDoNotDependOnThreadsBudgetOrFolder) {
  // Some tensors of several tiles, and more tiles than the least budget has room for.
  constexpr models::AudioCoreSize kSize{
      .blocks = 1, .width = 512, .heads = 8, .feed_forward = 2048, .codes = 1024};
  models::write_audio_core(input(), {.size = kSize});
  ASSERT_EQ(Quantize({"--threads", "1"}).status, 0);
  const std::string model = ReadFile(output());
  const std::string data = ReadFile(folder_ / "out" / "q.onnx.data");
  std::vector<std::vector<std::string>> ways = {{"--threads", "2"},
                                                {"--isa", "auto"},
                                                {"--threads", "7"},
                                                {"--threads", "1", "--memory-budget", "9MiB"},
                                                {"--threads", "2", "--memory-budget", "16MiB"},
                                                {"--memory-budget", "1GiB"}};
  for (const std::string& isa : kernels::SupportedIsas()) ways.push_back({"--isa", isa});
  for (const std::vector<std::string>& options : ways) {
    std::vector<std::string> all = options;
    all.emplace_back("--force");
    ASSERT_EQ(Quantize(all).status, 0);
    EXPECT_TRUE(ReadFile(output()) == model) << ::testing::PrintToString(options);
    EXPECT_TRUE(ReadFile(folder_ / "out" / "q.onnx.data") == data) << ::testing::PrintToString(options);
  }
  fs::create_directories(folder_ / "else" / "where");
  fs::rename(folder_ / "in", folder_ / "else" / "from");
  ASSERT_EQ(Run({(folder_ / "else" / "from" / "m.onnx").native(), "else/where/q.onnx"}).status, 0);
  EXPECT_TRUE(ReadFile(folder_ / "else" / "where" / "q.onnx") == model);
  EXPECT_TRUE(ReadFile(folder_ / "else" / "where" / "q.onnx.data") == data);
}

TEST_F(QuantizeTest, TwiceWithForceGivesTheSame) {
  WriteTinyModel();
  ASSERT_EQ(Quantize().status, 0);
  auto first = Snapshot();
  ASSERT_EQ(Quantize({"--force"}).status, 0);
  auto second = Snapshot();
  first.erase("out/quantization_log.jsonl");
  second.erase("out/quantization_log.jsonl");
  EXPECT_EQ(second, first);
}

TEST_F(QuantizeTest, ForceReplacesNoLinkNorWhatItLeadsTo) {
  WriteTinyModel();
  WriteFile(folder_ / "precious", "precious");
  fs::create_symlink(folder_ / "precious", output());
  ExpectFailure({"in/m.onnx", "out/q.onnx", "--force"}, 1, {"'out/q.onnx'", "symbolic link", "precious"});
  EXPECT_TRUE(fs::is_symlink(output()));
}

TEST_F(QuantizeTest, ForceWithoutDataRemovesTheOldData) {
  WriteTinyModel();
  ASSERT_EQ(Quantize().status, 0);
  ASSERT_EQ(Quantize({"--force", "--external-data", "never"}).status, 0);
  EXPECT_THAT(Written(), ElementsAre("q.onnx", "q.onnx.sha256", "quantization_log.jsonl"));
  EXPECT_EQ(CheckSums("out", "q.onnx.sha256").status, 0) << "a line for a file that is gone";
}

class ExternalDataTest : public QuantizeTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(ExternalDataTest, DryRunTellsTheSizesToTheByteAndWritesNothing) {
  WriteTinyModel();
  const auto before = Snapshot();
  const ProgramResult dry = Quantize({"--dry-run", "--json", "--external-data", GetParam()});
  ASSERT_EQ(dry.status, 0) << dry.err;
  EXPECT_EQ(dry.err, "");
  EXPECT_EQ(Snapshot(), before);
  const json plan = json::parse(dry.out);
  EXPECT_EQ(plan["outcome"], "planned");

  ASSERT_EQ(Quantize({"--external-data", GetParam()}).status, 0);
  std::map<std::string, std::uint64_t> planned;
  for (const json& file : plan["outputs"]) planned[file["path"]] = file["bytes"];
  std::map<std::string, std::uint64_t> written;
  for (const char* name : {"out/q.onnx", "out/q.onnx.data"}) {
    if (fs::exists(folder_ / name)) written[name] = fs::file_size(folder_ / name);
  }
  EXPECT_EQ(planned, written);
  EXPECT_EQ(written.size(), std::string(GetParam()) == "always" ? 2U : 1U)
      << "auto is never for small models";
  EXPECT_EQ(CheckSums("out", "q.onnx.sha256").status, 0);
}

INSTANTIATE_TEST_SUITE_P(Ways, ExternalDataTest, ::testing::Values("always", "auto", "never"));

TEST_F(QuantizeTest, TensorsAreTheSameWhereverTheyLie) {
  WriteTinyModel();
  models::write_audio_core(folder_ / "in" / "inline.onnx", {.inline_weights = true});
  ASSERT_EQ(Quantize().status, 0);
  const auto expected = TensorsOf(output());
  ASSERT_EQ(expected.count("b0/q/B"), 1U);
  for (const std::string input_name : {"in/m.onnx", "in/inline.onnx"}) {
    for (const std::string way : {"always", "auto", "never"}) {
      ASSERT_EQ(Run({input_name, "out/other.onnx", "--force", "--external-data", way}).status, 0);
      EXPECT_TRUE(TensorsOf(folder_ / "out" / "other.onnx") == expected) << input_name << " " << way;
    }
  }
}

TEST_F(QuantizeTest, JsonIsAllThatStandsOnStandardOutput) {
  WriteTinyModel();
  const json plan = json::parse(Quantize({"--dry-run", "--json"}).out);
  EXPECT_EQ(plan["outcome"], "planned");
  const ProgramResult result = Quantize({"--json"});
  ASSERT_EQ(result.status, 0) << result.err;
  const json run = json::parse(result.out);  // throws on anything before or behind
  EXPECT_EQ(run["outcome"], "done");
  EXPECT_EQ(run["quantized_nodes"], 16);
  EXPECT_EQ(run["nodes"], plan["nodes"]);
  EXPECT_EQ(run["outputs"][0]["sha256"], Sha256::HexOf(ReadFile(output())));
  EXPECT_EQ(run["outputs"][1]["sha256"], Sha256::HexOf(ReadFile(folder_ / "out" / "q.onnx.data")));
  EXPECT_EQ(run["inputs"][0]["sha256"], Sha256::HexOf(ReadFile(input())));
  EXPECT_EQ(run["inputs"][1]["sha256"], Sha256::HexOf(ReadFile(folder_ / "in" / "m.onnx.data")));
  EXPECT_EQ(run["input_bytes"], fs::file_size(input()) + fs::file_size(folder_ / "in" / "m.onnx.data"));
  EXPECT_EQ(run["output_bytes"], fs::file_size(output()) + fs::file_size(folder_ / "out" / "q.onnx.data"));
  EXPECT_GT(run["seconds"], 0);
  EXPECT_GT(run["peak_memory_bytes"], 1'000'000);
}

TEST_F(QuantizeTest, JsonStaysValidWhereNamesAreNotUtf8) {
  ModelBuilder builder = OneMatMul();
  builder.graph().mutable_node(0)->set_name("caf\xe9\n\"quoted\"");
  builder.Save(input());
  const ProgramResult result = Quantize({"--json", "--allow-growth"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(json::parse(result.out)["nodes"][0]["node"], "caf\xef\xbf\xbd\n\"quoted\"");
}

TEST_F(QuantizeTest, DryRunTableShowsNamesWithoutControlBytes) {
  ModelBuilder builder = OneMatMul();
  builder.graph().mutable_node(0)->set_name("a\x1b[2Jb");
  builder.Save(input());
  EXPECT_THAT(Quantize({"--dry-run"}).out, AllOf(HasSubstr("a\\x1b[2Jb"), Not(HasSubstr("\x1b"))));
}

TEST_F(QuantizeTest, QuietSaysNothing) {
  WriteTinyModel();
  const ProgramResult result = Quantize({"-q"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out + result.err, "");
  EXPECT_EQ(Written().size(), 4U);
}

TEST_F(QuantizeTest, QuietStillSaysWhatWentWrong) {
  ExpectFailure({"in/m.onnx", "out/q.onnx", "-q"}, 1, {"m.onnx", "No such file"});
}

TEST_F(QuantizeTest, LogLevelDecidesWhatIsSaid) {
  WriteTinyModel();
  EXPECT_THAT(Quantize({"--log-level", "debug"}).err,
              AllOf(HasSubstr("debug: load"), HasSubstr("debug: record")));
  EXPECT_THAT(Quantize({"-f"}).err, AllOf(HasSubstr("quantized "), Not(HasSubstr("debug"))));
  EXPECT_EQ(Quantize({"-f", "--log-level", "warn"}).err, "");
}

TEST_F(QuantizeTest, ProgressIsShownWhenAskedFor) {
  WriteTinyModel();
  EXPECT_THAT(Quantize({"--progress", "always"}).err, HasSubstr("(100 %)"));
  EXPECT_THAT(Quantize({"-f", "--progress", "always", "--log-level", "error"}).err, HasSubstr("(100 %)"));
  EXPECT_THAT(Quantize({"-f", "--progress", "never"}).err, Not(HasSubstr("100 %")));
  EXPECT_THAT(Quantize({"-f"}).err, Not(HasSubstr("100 %"))) << "standard error is no terminal";
  EXPECT_EQ(Quantize({"-f", "-q", "--progress", "always"}).err, "");
}

// script gives the program a terminal.
TEST_F(QuantizeTest, ProgressIsShownOnATerminal) {
  ASSERT_EQ(RunProgram("script", {"--version"}).status, 0) << "script is in the package bsdutils";
  WriteTinyModel();
  const std::string command = std::string(QI8_PROGRAM) + " in/m.onnx out/q.onnx";
  const ProgramResult result =
      RunProgram("script", {"-qec", command, "/dev/null"}, {.folder = folder_.path(), .environment = {}});
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.out, HasSubstr("(100 %)"));
}

TEST_F(QuantizeTest, WithoutInputChecksumTheSourceIsNotNamed) {
  WriteTinyModel();
  ASSERT_EQ(Quantize().status, 0);
  EXPECT_EQ(MetadataOf(output()).count("quantize-int8.source.sha256"), 1U);
  const std::string data = ReadFile(folder_ / "out" / "q.onnx.data");
  const ProgramResult result = Quantize({"--force", "--no-input-checksum", "--json"});
  ASSERT_EQ(result.status, 0);
  EXPECT_THAT(MetadataOf(output()), ElementsAre(Key("quantize-int8.options"), Key("quantize-int8.schema"),
                                                Key("quantize-int8.seal"), Key("quantize-int8.version")));
  EXPECT_FALSE(json::parse(result.out)["inputs"][0].contains("sha256"));
  const auto records = RecordsOf(ReadFile(folder_ / "out" / "quantization_log.jsonl"));
  EXPECT_TRUE(records.back()["inputs"][0]["sha256"].is_null());
  EXPECT_TRUE(ReadFile(folder_ / "out" / "q.onnx.data") == data);
}

TEST_F(QuantizeTest, TheModelSaysWhereItCameFrom) {
  WriteTinyModel();
  ASSERT_EQ(Quantize({"--min-elements", "5"}).status, 0);
  auto origin = MetadataOf(output());
  EXPECT_EQ(origin["quantize-int8.source.sha256"], Sha256::HexOf(ReadFile(input())));
  EXPECT_EQ(origin["quantize-int8.source.data.sha256"],
            Sha256::HexOf(ReadFile(folder_ / "in" / "m.onnx.data")));
  EXPECT_EQ(json::parse(origin["quantize-int8.options"])["min_elements"], 5);
}

TEST_F(QuantizeTest, ASharedChecksumFileKeepsTheLinesOfOthers) {
  WriteTinyModel();
  WriteFile(folder_ / "other", "other");
  WriteFile(folder_ / "SUMS", "# kept by hand\n" + Sha256::HexOf("other") + "  other\n");
  ASSERT_EQ(Quantize({"--checksums", "SUMS"}).status, 0);
  ASSERT_EQ(Run({"in/m.onnx", "out/second.onnx", "--checksums", "SUMS", "--ops", "Gemm"}).status, 0);
  ASSERT_EQ(Quantize({"--checksums", "SUMS", "--force"}).status, 0);
  const std::string sums = ReadFile(folder_ / "SUMS");
  EXPECT_TRUE(sums.starts_with("# kept by hand\n" + Sha256::HexOf("other") + "  other\n")) << sums;
  EXPECT_EQ(std::count(sums.begin(), sums.end(), '\n'), 6) << sums;
  const ProgramResult check =
      RunProgram("sha256sum", {"-c", "SUMS"}, {.folder = folder_.path(), .environment = {}});
  EXPECT_EQ(check.status, 0) << check.out << check.err;
  EXPECT_FALSE(fs::exists(folder_ / "out" / "q.onnx.sha256"));
}

TEST_F(QuantizeTest, NamesWithBlanksAndLineBreaksAreChecked) {
  WriteTinyModel();
  for (const std::string name : {"with space.onnx", "line\nbreak.onnx", "back\\slash.onnx", "-dash.onnx"}) {
    ASSERT_EQ(Run({"in/m.onnx", "./out/" + name}).status, 0) << name;
    EXPECT_EQ(RunProgram("sha256sum", {"-c", "--strict", "--", name + ".sha256"},
                         {.folder = folder_ / "out", .environment = {}})
                  .status,
              0)
        << name;
  }
}

TEST_F(QuantizeTest, TheLogIsAChainWithOneRecordARun) {
  WriteTinyModel();
  for (int i = 0; i < 3; ++i) ASSERT_EQ(Quantize({"-f", "--audit-log", "state.jsonl"}).status, 0);
  EXPECT_FALSE(fs::exists(folder_ / "out" / "quantization_log.jsonl"));
  const std::string log = ReadFile(folder_ / "state.jsonl");
  const auto records = RecordsOf(log);
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[0]["previous"], "");
  EXPECT_EQ(records[1]["previous"], Sha256::HexOf(log.substr(0, log.find('\n'))));
  const json& record = records[2];
  EXPECT_EQ(record["status"], "done");
  EXPECT_EQ(record["command"], "quantize");
  EXPECT_EQ(record["inputs"][0]["path"], input().native());
  EXPECT_EQ(record["inputs"][0]["sha256"], Sha256::HexOf(ReadFile(input())));
  EXPECT_EQ(record["outputs"][0]["path"], output().native());
  EXPECT_EQ(record["outputs"][0]["sha256"], Sha256::HexOf(ReadFile(output())));
  EXPECT_EQ(record["quantized_nodes"], 16);
  EXPECT_EQ(record["options"]["force"], true);
  EXPECT_EQ(record["skipped"], json({{"activations", 4}, {"no-rule", 18}, {"operand", 1}}));
  EXPECT_THAT(record["libraries"].size(), ::testing::Ge(4U));
}

TEST_F(QuantizeTest, TheLogMayGoToStandardOutput) {
  WriteTinyModel();
  const ProgramResult result = Quantize({"--audit-log", "/dev/stdout"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(json::parse(result.out)["status"], "done");
  EXPECT_THAT(Written(), ElementsAre("q.onnx", "q.onnx.data", "q.onnx.sha256"));
  // Through a pipe as well.
  const std::string command =
      std::string(QI8_PROGRAM) + " in/m.onnx out/q.onnx -fq --audit-log /dev/stdout | cat";
  const ProgramResult piped =
      RunProgram("bash", {"-c", command}, {.folder = folder_.path(), .environment = {}});
  EXPECT_EQ(json::parse(piped.out)["status"], "done");
}

TEST_F(QuantizeTest, TheLogHonoursSourceDateEpoch) {
  WriteTinyModel();
  const ProgramResult result =
      RunQuantizeInt8({"in/m.onnx", "out/q.onnx", "--audit-log", "/dev/stdout", "-q"},
                      {.folder = folder_.path(), .environment = {"SOURCE_DATE_EPOCH=1700000000"}});
  EXPECT_EQ(json::parse(result.out)["time"], "2023-11-14T22:13:20Z");
}

TEST_F(QuantizeTest, AFailedRunIsRecordedInALogThatExists) {
  WriteFile(folder_ / "out" / "quantization_log.jsonl", "");
  EXPECT_EQ(Quantize().status, 1);
  const auto records = RecordsOf(ReadFile(folder_ / "out" / "quantization_log.jsonl"));
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0]["status"], "failed");
  EXPECT_THAT(std::string(records[0]["error"]), AllOf(HasSubstr("m.onnx"), HasSubstr("No such file")));
  EXPECT_EQ(records[0]["options"]["input"], "in/m.onnx");
}

TEST_F(QuantizeTest, AFailedRunIsRecordedInALogThatWasAskedFor) {
  EXPECT_EQ(Quantize({"--audit-log", "log"}).status, 1);
  EXPECT_EQ(RecordsOf(ReadFile(folder_ / "log")).at(0)["status"], "failed");
}

TEST_F(QuantizeTest, AFailedDryRunIsNotRecorded) {
  EXPECT_EQ(Quantize({"--audit-log", "log", "--dry-run"}).status, 1);
  EXPECT_FALSE(fs::exists(folder_ / "log"));
}

TEST_F(QuantizeTest, NothingToQuantizeIsRecordedInALogThatExists) {
  WriteTinyModel();
  WriteFile(folder_ / "out" / "quantization_log.jsonl", "");
  EXPECT_EQ(Quantize({"--min-elements", "1000000"}).status, 3);
  const auto records = RecordsOf(ReadFile(folder_ / "out" / "quantization_log.jsonl"));
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0]["status"], "nothing-quantized");
}

TEST_F(QuantizeTest, AllowEmptyWritesACopy) {
  WriteTinyModel();
  const ProgramResult result = Quantize({"--min-elements", "1000000", "--allow-empty"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(Written().size(), 4U);
  EXPECT_EQ(CheckSums("out", "q.onnx.sha256").status, 0);
  EXPECT_EQ(ParseModel(output()).graph().node_size(), ParseModel(input()).graph().node_size());
}

TEST_F(QuantizeTest, OptionsMayStandAnywhere) {
  WriteTinyModel();
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"--ops", "MatMul,Gemm", "in/m.onnx", "out/q.onnx", "-n"},
           {"in/m.onnx", "--ops", "MatMul,Gemm", "out/q.onnx", "-n"},
           {"in/m.onnx", "out/q.onnx", "-n", "--ops", "MatMul,Gemm"},
           {"-n", "--ops", "MatMul", "--ops", "Gemm", "in/m.onnx", "out/q.onnx"},
           {"-n", "--ops=MatMul,Gemm", "in/m.onnx", "out/q.onnx"}}) {
    const ProgramResult result = Run(arguments);
    EXPECT_EQ(result.status, 0) << ::testing::PrintToString(arguments) << result.err;
    EXPECT_THAT(result.out, HasSubstr("operator not selected by --ops"));
  }
}

TEST_F(QuantizeTest, OpsAllSelectsEveryOperator) {
  WriteTinyModel();
  EXPECT_EQ(json::parse(Quantize({"-n", "--json", "--ops", "all"}).out)["quantized_nodes"], 16);
  EXPECT_EQ(json::parse(Quantize({"-n", "--json", "--ops", "Gather"}).out)["quantized_nodes"], 1);
}

TEST_F(QuantizeTest, IncludeAndExcludeGoByName) {
  WriteTinyModel();
  const auto count = [this](std::vector<std::string> options) {
    options.insert(options.end(), {"-n", "--json"});
    return json::parse(Quantize(options).out)["quantized_nodes"].get<int>();
  };
  EXPECT_EQ(count({"--include", "block0/"}), 7);
  EXPECT_EQ(count({"--include", "block0/", "--include", "^head"}), 8);
  EXPECT_EQ(count({"--exclude", "block0/"}), 9);
  EXPECT_EQ(count({"--include", "block0/", "--exclude", "/(up|down)/"}), 5);
  EXPECT_EQ(count({"--exclude", "^head", "--exclude", "^embed"}), 14);
}

TEST_F(QuantizeTest, VersionAndHelpGoToStandardOutput) {
  for (const std::string option : {"--version", "--help", "-h"}) {
    const ProgramResult result = RunQuantizeInt8({option});
    EXPECT_EQ(result.status, 0);
    EXPECT_NE(result.out, "");
    EXPECT_EQ(result.err, "");
  }
}

// Digits of numbers that differ from run to run become N.
[[nodiscard]] std::string Masked(std::string text) {
  const std::size_t took = text.find("took ");
  if (took == std::string::npos) return text;
  text.replace(took, std::string::npos, "took       N.NN s, peak memory N MB\n");
  return text;
}

TEST_F(QuantizeTest, ItsOwnNameIsACommandToo) {
  WriteTinyModel();
  EXPECT_EQ(Run({"quantize", "in/m.onnx", "out/q.onnx", "-q"}).status, 0);
  EXPECT_EQ(RunQuantizeInt8({"help"}).out, RunQuantizeInt8({"--help"}).out);
  EXPECT_EQ(RunQuantizeInt8({"help", "verify"}).out, RunQuantizeInt8({"verify", "--help"}).out);
  const ProgramResult unknown = RunQuantizeInt8({"help", "verfy"});
  EXPECT_EQ(unknown.status, 2);
  EXPECT_THAT(unknown.err, HasSubstr("did you mean verify?"));
}

TEST_F(QuantizeTest, AFolderWithOneModelIsThatModel) {
  WriteTinyModel();
  EXPECT_EQ(Run({"in", "out/q.onnx", "-q"}).status, 0);
  EXPECT_EQ(Run({"verify", "out/q.onnx", "--against", "in/m.onnx", "-q"}).status, 0);
  EXPECT_EQ(Run({"inspect", "in"}).status, 0);
}

// A file, a pipe and a terminal that knows no control sequences get lines, and no more of them than one
// reads.
TEST_F(QuantizeTest, ProgressIsPlainWhereNothingCanBeWrittenOver) {
  WriteTinyModel();
  const ProgramResult result = Quantize({"--progress", "always"});
  EXPECT_EQ(result.err.find_first_of("\r\033"), std::string::npos) << result.err;
  EXPECT_THAT(result.err, HasSubstr("(100 %)"));
  const std::string command = std::string(QI8_PROGRAM) + " in/m.onnx out/q2.onnx --progress always";
  const ProgramResult dumb = RunProgram("script", {"-qec", command, "/dev/null"},
                                        {.folder = folder_.path(), .environment = {"TERM=dumb"}});
  EXPECT_EQ(dumb.status, 0);
  EXPECT_THAT(dumb.out, HasSubstr("(100 %)"));
  EXPECT_EQ(dumb.out.find('\033'), std::string::npos) << dumb.out;
}

TEST_F(QuantizeTest, GoldenVersion) {
  ExpectGolden("cmdline/version.txt", RunQuantizeInt8({"--version"}).out);
}

TEST_F(QuantizeTest, GoldenHelp) { ExpectGolden("cmdline/help.txt", RunQuantizeInt8({"--help"}).out); }

TEST_F(QuantizeTest, GoldenSummary) {
  WriteTinyModel();
  const std::string summary = Quantize().err;
  EXPECT_THAT(summary,
              ::testing::ContainsRegex("took       [0-9]+\\.[0-9][0-9] s, peak memory [0-9.]+ [MG]B\n$"));
  ExpectGolden("cmdline/summary.txt", Masked(summary));
}

TEST_F(QuantizeTest, GoldenDryRun) {
  WriteTinyModel();
  ProgramResult result = Quantize({"--dry-run", "--exclude", "block1/up"});
  EXPECT_EQ(result.err, "");
  const std::string folder = folder_.path().native();
  for (std::size_t at; (at = result.out.find(folder)) != std::string::npos;) {
    result.out.replace(at, folder.size(), "FOLDER");
  }
  ExpectGolden("cmdline/dry-run.txt", result.out);
}

TEST_F(QuantizeTest, GoldenNothingToQuantize) {
  WriteTinyModel();
  const ProgramResult result = Quantize({"--include", "attn"});
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(result.out, "");
  ExpectGolden("cmdline/nothing-to-quantize.txt", result.err);
}

}  // namespace
}  // namespace qi8::testing
