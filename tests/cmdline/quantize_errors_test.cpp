// Runs that fail: the status, a message that names file and reason, and no file left behind.
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "cmdline/quantize_fixture.hpp"
#include "support/stride.hpp"

namespace qi8::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr int kNothingQuantized = 3;

class QuantizeErrorsTest : public QuantizeTest {
 protected:
  // Points the first external tensor elsewhere.
  void SetExternal(const std::string& key, const std::string& value) const {
    onnx::ModelProto model = ParseModel(input());
    for (auto& tensor : *model.mutable_graph()->mutable_initializer()) {
      if (tensor.external_data().empty()) continue;
      for (auto& entry : *tensor.mutable_external_data()) {
        if (entry.key() == key) entry.set_value(value);
      }
      break;
    }
    WriteFile(input(), model.SerializeAsString());
  }
};

// --- the model

TEST_F(QuantizeErrorsTest, MissingInput) { ExpectFailure(kFailed, {"'in/m.onnx'", "No such file"}); }

TEST_F(QuantizeErrorsTest, InputIsAFolder) {
  ExpectFailure({"in", "out/q.onnx"}, kUsage, {"folder 'in'", "no .onnx file"});
}

TEST_F(QuantizeErrorsTest, InputIsAPipe) {
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  ExpectFailure({"pipe", "out/q.onnx"}, kFailed, {"'pipe'", "not a regular file"});
  fs::remove(folder_ / "pipe");
}

TEST_F(QuantizeErrorsTest, InputIsEmpty) {
  WriteFile(input(), "");
  ExpectFailure(kFailed, {"'in/m.onnx'", "empty"});
}

TEST_F(QuantizeErrorsTest, InputIsText) {
  WriteFile(input(), "This is a text about models, and no model.\n");
  ExpectFailure(kFailed, {"'in/m.onnx'", "this is a text file"});
}

TEST_F(QuantizeErrorsTest, InputHasNoGraph) {
  onnx::ModelProto model;
  model.set_ir_version(8);
  WriteFile(input(), model.SerializeAsString());
  ExpectFailure(kFailed, {"'in/m.onnx'", "no graph"});
}

// Cut between two fields, what is left is a smaller message, so some cuts can only be told by what is
// missing.
TEST_F(QuantizeErrorsTest, EveryBeginningOfAModelIsRefused) {
  OneMatMul().Save(input());
  const std::string whole = ReadFile(input());
  ASSERT_LT(whole.size(), 400U);
  ASSERT_EQ(Quantize({"--dry-run", "--allow-growth"}).status, 0);
  for (std::size_t length = 0; length < whole.size(); length += kStride) {
    WriteFile(input(), whole.substr(0, length));
    const ProgramResult result = Quantize();
    ASSERT_TRUE(result.status == kFailed || result.status == kNothingQuantized)
        << length << " bytes: status " << result.status << ", " << result.err;
    ASSERT_EQ(result.out, "");
    ASSERT_THAT(result.err, HasSubstr("in/m.onnx")) << length << " bytes";
    ASSERT_TRUE(Written().empty()) << length << " bytes";
  }
}

TEST_F(QuantizeErrorsTest, CutModelOfManyNodes) {
  models::write_audio_core(input(), {.inline_weights = true});
  const std::uint64_t size = fs::file_size(input());
  for (const std::uint64_t cut :
       {size - 1, size - 100, size / 2, size / 3, std::uint64_t{1000}, std::uint64_t{10}}) {
    fs::resize_file(input(), cut);
    ExpectFailure(kFailed, {"'in/m.onnx'", "cut short"});
  }
}

TEST_F(QuantizeErrorsTest, TensorShorterThanItsShape) {
  ModelBuilder builder = OneMatMul();
  builder.graph().mutable_initializer(0)->mutable_raw_data()->resize(100);
  builder.Save(input());
  ExpectFailure(kFailed, {"'in/m.onnx'", "'w'", "[8, 4]", "128 bytes", "100"});
}

TEST_F(QuantizeErrorsTest, TensorWithAShapeThatOverflows) {
  ModelBuilder builder = OneMatMul();
  builder.graph().mutable_initializer(0)->set_dims(0, 1LL << 62);
  builder.Save(input());
  ExpectFailure(kFailed, {"'in/m.onnx'", "'w'", "too many elements"});
}

// --- numbers

class NonFiniteTest : public QuantizeTest, public ::testing::WithParamInterface<float> {};

TEST_P(NonFiniteTest, NamesTensorAndIndex) {
  for (const Storage storage : {Storage::kRawData, Storage::kFloatData, Storage::kExternal}) {
    std::vector<float> values = RandomValues(64 * 32);
    values[17 * 32 + 5] = GetParam();
    ModelBuilder builder;
    builder.Input("x", {2, 64}).Output("y", {2, 32}).Initializer("weight of y", {64, 32}, values, storage);
    builder.Node("MatMul", {"x", "weight of y"}, {"y"}, "matmul");
    builder.Save(input());
    for (const std::string& more : {std::string("--quiet"), std::string("--dry-run")}) {
      ExpectFailure({"in/m.onnx", "out/q.onnx", "--nonfinite", "error", more}, kFailed,
                    {"'in/m.onnx'", "'weight of y'", "[17, 5]", "--nonfinite keep", "--exclude"});
    }
    fs::remove(folder_ / "in" / "m.onnx.data");
  }
}

// By default the others are quantized, and every listing says what was not, and why.
TEST_P(NonFiniteTest, StaysAsItIs) {
  std::vector<float> values = RandomValues(64 * 32);
  values[17 * 32 + 5] = GetParam();
  ModelBuilder builder;
  builder.Input("x", {2, 64}).Output("y", {2, 32}).Output("z", {2, 32});
  builder.Initializer("good", {64, 32}, RandomValues(64 * 32)).Initializer("bad", {64, 32}, values);
  builder.Node("MatMul", {"x", "good"}, {"y"}, "first");
  builder.Node("MatMul", {"x", "bad"}, {"z"}, "second");
  builder.Save(input());
  const std::string reason = "weight has a NaN or an infinity";
  const std::string warning = "a weight has a NaN or an infinity, and no INT8 form: 'bad' stays as it is";

  const ProgramResult planned = Quantize({"--dry-run"});
  EXPECT_EQ(planned.status, 0);
  EXPECT_THAT(planned.out, HasSubstr("kept: " + reason));
  EXPECT_THAT(planned.err, HasSubstr(warning));
  const auto json = nlohmann::json::parse(Quantize({"--dry-run", "--json"}).out);
  EXPECT_EQ(json["nodes"][1]["reason"], "non-finite");

  for (const std::vector<std::string>& options :
       {std::vector<std::string>{}, {"--nonfinite", "keep"}, {"--keep-nonfinite"}}) {
    std::vector<std::string> arguments = {"--force"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const ProgramResult done = Quantize(arguments);
    EXPECT_EQ(done.status, 0) << done.err;
    EXPECT_THAT(done.err, HasSubstr(warning));
    EXPECT_THAT(done.err, HasSubstr(reason));
    EXPECT_EQ(fs::file_size(folder_ / "out/q.onnx"), json["outputs"][0]["bytes"]);
    EXPECT_EQ(fs::file_size(folder_ / "out/q.onnx.data"), json["outputs"][1]["bytes"]);
  }
  const std::string log = ReadFile(folder_ / "out" / "quantization_log.jsonl");
  EXPECT_EQ(nlohmann::json::parse(log.substr(0, log.find('\n')))["skipped"]["non-finite"], 1);
}

TEST_P(NonFiniteTest, IsAllThereIs) {
  std::vector<float> values = RandomValues(64 * 32);
  values.back() = GetParam();
  ModelBuilder builder;
  builder.Input("x", {2, 64}).Output("y", {2, 32}).Initializer("bad", {64, 32}, values);
  builder.Node("MatMul", {"x", "bad"}, {"y"}, "only");
  builder.Save(input());
  const ProgramResult result = Quantize();
  EXPECT_EQ(result.status, kNothingQuantized);
  EXPECT_THAT(result.err, HasSubstr("weight has a NaN or an infinity"));
  EXPECT_TRUE(Written().empty());
}

INSTANTIATE_TEST_SUITE_P(Values, NonFiniteTest,
                         ::testing::Values(std::numeric_limits<float>::quiet_NaN(),
                                           -std::numeric_limits<float>::quiet_NaN(),
                                           std::numeric_limits<float>::infinity(),
                                           -std::numeric_limits<float>::infinity()));

// Files of options that were written for an earlier version still mean what they meant.
TEST_F(QuantizeErrorsTest, TheFormerNameOfNonfinite) {
  ModelBuilder builder;
  std::vector<float> values = RandomValues(64 * 32);
  values[7] = HUGE_VALF;
  builder.Input("x", {2, 64}).Output("y", {2, 32}).Initializer("w", {64, 32}, values);
  builder.Node("MatMul", {"x", "w"}, {"y"}, "only");
  builder.Save(input());
  WriteFile(folder_ / "error.toml", "keep-nonfinite = false\n");
  WriteFile(folder_ / "keep.toml", "keep-nonfinite = true\n");
  EXPECT_EQ(Quantize({"--config", "error.toml"}).status, kFailed);
  EXPECT_EQ(Quantize({"--config", "keep.toml"}).status, kNothingQuantized);
  EXPECT_EQ(Quantize({"--config", "error.toml", "--nonfinite", "keep"}).status, kNothingQuantized);
  EXPECT_EQ(Quantize({"--keep-nonfinite"}).status, kNothingQuantized);
  EXPECT_THAT(RunQuantizeInt8({"--help"}).out, ::testing::Not(HasSubstr("--keep-nonfinite")));
}

TEST_F(QuantizeErrorsTest, ANanThatIsNotQuantizedIsCopied) {
  ModelBuilder builder = OneMatMul();
  std::vector<float> bias = {1, std::numeric_limits<float>::quiet_NaN(), 2, 3};
  builder.Initializer("b", {4}, bias);
  builder.Node("Add", {"y", "b"}, {"z"}, "add");
  builder.Save(input());
  EXPECT_EQ(Quantize({"--allow-growth"}).status, 0);
}

// --- external data

TEST_F(QuantizeErrorsTest, MissingData) {
  OneMatMul(Storage::kExternal).Save(input());
  fs::remove(folder_ / "in" / "m.onnx.data");
  ExpectFailure(kFailed, {"'in/m.onnx'", "tensor 'w'", "m.onnx.data'", "No such file"});
}

TEST_F(QuantizeErrorsTest, ShortData) {
  OneMatMul(Storage::kExternal).Save(input());
  fs::resize_file(folder_ / "in" / "m.onnx.data", 100);
  ExpectFailure(kFailed, {"'in/m.onnx'", "tensor 'w'", "'m.onnx.data'", "128 bytes", "only 100 bytes"});
  fs::resize_file(folder_ / "in" / "m.onnx.data", 0);
  ExpectFailure(kFailed, {"tensor 'w'", "only 0 bytes"});
}

TEST_F(QuantizeErrorsTest, DataIsAFolder) {
  OneMatMul(Storage::kExternal).Save(input());
  fs::remove(folder_ / "in" / "m.onnx.data");
  fs::create_directory(folder_ / "in" / "m.onnx.data");
  ExpectFailure(kFailed, {"tensor 'w'", "m.onnx.data'", "folder"});
}

TEST_F(QuantizeErrorsTest, DataIsAPipe) {
  OneMatMul(Storage::kExternal).Save(input());
  fs::remove(folder_ / "in" / "m.onnx.data");
  ASSERT_EQ(::mkfifo((folder_ / "in" / "m.onnx.data").c_str(), 0600), 0);
  ExpectFailure(kFailed, {"tensor 'w'", "m.onnx.data'", "not a regular file"});
}

TEST_F(QuantizeErrorsTest, DataOutsideTheModelsFolder) {
  OneMatMul(Storage::kExternal).Save(input());
  fs::rename(folder_ / "in" / "m.onnx.data", folder_ / "outside");
  SetExternal("location", "../outside");
  ExpectFailure(kFailed, {"'in/m.onnx'", "tensor 'w'", "'../outside'", "out of the model's folder"});
  SetExternal("location", (folder_ / "outside").native());
  ExpectFailure(kFailed, {"tensor 'w'", "absolute"});
  fs::create_symlink("../outside", folder_ / "in" / "link");
  SetExternal("location", "link");
  ExpectFailure(kFailed, {"tensor 'w'", "'link'", "out of the model's folder"});
  fs::create_hard_link(folder_ / "outside", folder_ / "in" / "hard");
  fs::permissions(folder_ / "in", fs::perms(0777));  // anybody can have made it
  SetExternal("location", "hard");
  ExpectFailure(kFailed, {"tensor 'w'", "hard'", "hard links"});
  SetExternal("location", "");
  ExpectFailure(kFailed, {"tensor 'w'", "empty"});
}

// What an archive or a repository of a model may hold beside it: links for the run to follow.
TEST_F(QuantizeErrorsTest, PlantedLinksBesideTheOutput) {
  WriteTinyModel();
  fs::create_directory(folder_ / "home");
  WriteFile(folder_ / "home" / "thesis", "my only copy");
  fs::create_directory(folder_ / "out" / ".q.onnx.qi8");
  fs::create_directory_symlink("../../home", folder_ / "out" / ".q.onnx.qi8" / "new");
  fs::create_symlink("new", folder_ / "out" / ".q.onnx.qi8" / "current");
  ExpectFailure(kFailed, {"'out/.q.onnx.qi8' is in the way", "changed nothing"});
  fs::remove_all(folder_ / "out" / ".q.onnx.qi8");

  fs::create_symlink("../home/thesis", folder_ / "out" / "quantization_log.jsonl");
  const ProgramResult result = Quantize();
  EXPECT_EQ(result.status, kFailed);
  EXPECT_THAT(result.err, HasSubstr("symbolic link to '../home/thesis'"));
  EXPECT_THAT(result.err, ::testing::Not(HasSubstr("warning"))) << "it is said once";
  EXPECT_EQ(ReadFile(folder_ / "home" / "thesis"), "my only copy");
}

// As uv, conda, pnpm and "cp -l" make them, and as the Hugging Face hub's cache keeps models.
TEST_F(QuantizeErrorsTest, LinksThatAreSafeAreTaken) {
  OneMatMul(Storage::kExternal).Save(input());
  const fs::path data = folder_ / "in" / "m.onnx.data";
  fs::create_hard_link(data, folder_ / "elsewhere");
  EXPECT_EQ(Quantize({"--allow-empty"}).status, 0);
  fs::remove(folder_ / "elsewhere");

  const fs::path hub = folder_ / "hub" / "models--owner--name";
  fs::create_directories(hub / "blobs");
  fs::create_directories(hub / "snapshots" / "revision");
  fs::rename(input(), hub / "blobs" / "a");
  fs::rename(data, hub / "blobs" / "b");
  fs::create_symlink("../../blobs/a", hub / "snapshots" / "revision" / "m.onnx");
  fs::create_symlink("../../blobs/b", hub / "snapshots" / "revision" / "m.onnx.data");
  const std::string model = "hub/models--owner--name/snapshots/revision/m.onnx";
  ProgramResult result = Run({model, "out/hub.onnx", "--allow-empty"});
  EXPECT_EQ(result.status, 0) << result.err;
  result = Run({"inspect", model});
  EXPECT_EQ(result.status, 0) << result.err;
}

// For all other links the user has to say that the folder is to be trusted; the message says how.
TEST_F(QuantizeErrorsTest, FollowLinksTakesAllOthers) {
  OneMatMul(Storage::kExternal).Save(input());
  fs::rename(folder_ / "in" / "m.onnx.data", folder_ / "outside");
  fs::create_symlink("../outside", folder_ / "in" / "m.onnx.data");
  ExpectFailure(kFailed, {"tensor 'w'", "out of the model's folder", "--follow-links"});
  EXPECT_EQ(Quantize({"--allow-empty", "--follow-links"}).status, 0);
  EXPECT_EQ(Run({"verify", "out/q.onnx", "--against", "in/m.onnx"}).status, kFailed);
  EXPECT_EQ(Run({"verify", "out/q.onnx", "--against", "in/m.onnx", "--follow-links"}).status, 0);
  EXPECT_EQ(Run({"inspect", "in/m.onnx"}).status, kFailed);
  EXPECT_EQ(Run({"inspect", "in/m.onnx", "--follow-links"}).status, 0);
}

TEST_F(QuantizeErrorsTest, DataRangesThatCannotBe) {
  OneMatMul(Storage::kExternal).Save(input());
  SetExternal("offset", "1");
  ExpectFailure(kFailed, {"tensor 'w'", "from byte 1", "only 128 bytes"});
  SetExternal("offset", "18446744073709551488");  // with the length, 0 modulo 2^64
  ExpectFailure(kFailed, {"tensor 'w'", "18,446,744,073,709,551,488"});
  SetExternal("offset", "-1");
  ExpectFailure(kFailed, {"tensor 'w'", "offset", "'-1'"});
  SetExternal("offset", "0");
  SetExternal("length", "64");
  ExpectFailure(kFailed, {"tensor 'w'", "128 bytes", "64"});
}

// --- the output

TEST_F(QuantizeErrorsTest, MissingOutputFolder) {
  WriteTinyModel();
  ExpectFailure({"in/m.onnx", "missing/q.onnx"}, kFailed, {"'missing/q.onnx'", "no folder 'missing'"});
}

TEST_F(QuantizeErrorsTest, OutputIsAFolder) {
  WriteTinyModel();
  ExpectFailure({"in/m.onnx", "out"}, kFailed, {"'out'", "it is a folder"});
  ExpectFailure({"in/m.onnx", "out/"}, kFailed, {"'out/'", "it is a folder"});
  fs::create_directory(folder_ / "out" / "q.onnx.data");
  ExpectFailure({"in/m.onnx", "out/q.onnx", "--force"}, kFailed, {"q.onnx.data'", "it is a folder"});
}

TEST_F(QuantizeErrorsTest, EmptyNames) {
  WriteTinyModel();
  ExpectFailure({"", "out/q.onnx"}, kFailed, {"''"});
  const ProgramResult result = Run({"in/m.onnx", ""});
  EXPECT_TRUE(result.status == kFailed || result.status == kUsage) << result.status;
  EXPECT_THAT(result.err, ::testing::Not(HasSubstr("this is a bug")));
}

TEST_F(QuantizeErrorsTest, OutputWhereNobodyCanWrite) {
  WriteTinyModel();
  ExpectFailure({"in/m.onnx", "/proc/q.onnx"}, kFailed, {"'/proc/"});
}

TEST_F(QuantizeErrorsTest, OutputFolderThatMayNotBeWrittenTo) {
  WriteTinyModel();
  if (::geteuid() != 0) {
    fs::permissions(folder_ / "out", fs::perms(0555));
    ExpectFailure(kFailed, {"cannot write to folder 'out'"});
    fs::permissions(folder_ / "out", fs::perms(0755));
    return;
  }
  for (const fs::path& path : {folder_.path(), folder_ / "in", folder_ / "out"}) {
    fs::permissions(path, fs::perms(0755));
  }
  // The build may lie where only root can go.
  const fs::path program = folder_ / "program";
  fs::copy_file(QI8_PROGRAM, program);
  fs::permissions(program, fs::perms(0755));
  const std::vector<std::string> as_nobody = {"--reuid=65534", "--regid=65534", "--clear-groups",
                                              program.native()};
  std::vector<std::string> arguments = as_nobody;
  arguments.emplace_back("--version");
  ASSERT_EQ(RunProgram("setpriv", arguments).status, 0) << "setpriv is in the package util-linux";
  arguments.back() = "in/m.onnx";
  arguments.emplace_back("out/q.onnx");
  const ProgramResult result =
      RunProgram("setpriv", arguments, {.folder = folder_.path(), .environment = {}});
  EXPECT_EQ(result.status, kFailed);
  EXPECT_THAT(result.err, HasSubstr("cannot write to folder 'out'"));
  fs::permissions(input(), fs::perms(0600));
  const ProgramResult unreadable =
      RunProgram("setpriv", arguments, {.folder = folder_.path(), .environment = {}});
  EXPECT_EQ(unreadable.status, kFailed);
  EXPECT_THAT(unreadable.err, AllOf(HasSubstr("'in/m.onnx'"), HasSubstr("Permission denied")));
  EXPECT_TRUE(Written().empty());
}

TEST_F(QuantizeErrorsTest, OutputIsTheInput) {
  WriteTinyModel();
  fs::create_symlink("../in/m.onnx", folder_ / "out" / "symlink.onnx");
  fs::create_hard_link(input(), folder_ / "out" / "hard.onnx");
  fs::create_directory_symlink("../in", folder_ / "out" / "folder");
  for (const std::string output : {"in/m.onnx", "./in/m.onnx", "in/../in/m.onnx", "out/symlink.onnx",
                                   "out/hard.onnx", "out/folder/m.onnx"}) {
    ExpectFailure({"in/m.onnx", output, "--force"}, kFailed, {"'" + output + "'", "is the input file"});
    ExpectFailure({"in/m.onnx", output}, kFailed, {"'" + output + "'", "is the input file"});
  }
}

TEST_F(QuantizeErrorsTest, OutputDataIsTheInputsData) {
  WriteTinyModel();
  // in/q.onnx reads in/out.onnx.data, which would be the data of in/out.onnx.
  fs::rename(folder_ / "in" / "m.onnx.data", folder_ / "in" / "out.onnx.data");
  onnx::ModelProto model = ParseModel(input());
  for (auto& tensor : *model.mutable_graph()->mutable_initializer()) {
    for (auto& entry : *tensor.mutable_external_data()) {
      if (entry.key() == "location") entry.set_value("out.onnx.data");
    }
  }
  WriteFile(input(), model.SerializeAsString());
  ExpectFailure({"in/m.onnx", "in/out.onnx", "--force"}, kFailed,
                {"'in/out.onnx.data'", "is the input file"});
}

TEST_F(QuantizeErrorsTest, OutputExists) {
  WriteTinyModel();
  WriteFile(output(), "old");
  ExpectFailure(kFailed, {"'out/q.onnx'", "exists", "--force"});
  fs::remove(output());
  WriteFile(folder_ / "out" / "q.onnx.data", "old");
  ExpectFailure(kFailed, {"'out/q.onnx.data'", "exists", "--force"});
}

TEST_F(QuantizeErrorsTest, ChecksumFileInAMissingFolder) {
  WriteTinyModel();
  ExpectFailure({"in/m.onnx", "out/q.onnx", "--checksums", "missing/SUMS"}, kFailed, {"missing"});
}

TEST_F(QuantizeErrorsTest, AuditLogInAMissingFolder) {
  WriteTinyModel();
  const auto before = Snapshot();
  const ProgramResult result = Quantize({"--audit-log", "missing/log"});
  EXPECT_EQ(result.status, kFailed);
  EXPECT_THAT(result.err, HasSubstr("missing"));
  EXPECT_EQ(Snapshot(), before) << "outputs of a run that failed";
}

// Not even by the record of a run that failed.
TEST_F(QuantizeErrorsTest, TheAuditLogIsNeverAnyOtherFile) {
  WriteTinyModel();
  testing::WriteFile(folder_ / "letter.txt", "Dear reader,\n");
  testing::WriteFile(folder_ / "broken.onnx", "no model");
  const auto before = Snapshot();
  for (const std::string log : {"in/m.onnx", "in/m.onnx.data", "letter.txt"}) {
    EXPECT_EQ(Quantize({"--audit-log", log, "--ops", "Gemm", "--exclude", "."}).status, 3) << log;
    EXPECT_EQ(RunQuantizeInt8({"broken.onnx", "out/q.onnx", "--audit-log", log},
                              {.folder = folder_.path(), .environment = {}})
                  .status,
              kFailed);
    EXPECT_EQ(Snapshot(), before) << log;
  }
}

TEST_F(QuantizeErrorsTest, OneNameForTwoOutputs) {
  WriteTinyModel();
  for (const std::vector<std::string>& options :
       std::vector<std::vector<std::string>>{{"--checksums", "out/q.onnx"},
                                             {"--checksums", "out/q.onnx.data"},
                                             {"--audit-log", "out/q.onnx"},
                                             {"--audit-log", "out/q.onnx.data"},
                                             {"--audit-log", "out/q.onnx.sha256"},
                                             {"--audit-log", "./out/q.onnx"},
                                             {"--checksums", "same", "--audit-log", "same"}}) {
    const ProgramResult result = Quantize(options);
    EXPECT_TRUE(result.status == kFailed || result.status == kUsage)
        << ::testing::PrintToString(options) << " " << result.status;
    EXPECT_TRUE(Written().empty()) << ::testing::PrintToString(options);
    for (const std::string name : {"q.onnx", "q.onnx.data", "q.onnx.sha256", "quantization_log.jsonl"}) {
      fs::remove(folder_ / "out" / name);
    }
    fs::remove(folder_ / "same");
  }
}

TEST_F(QuantizeErrorsTest, StandardOutputThatIsFull) {
  WriteTinyModel();
  const std::string program = QI8_PROGRAM;
  for (const std::string command : {"--dry-run >/dev/full", "--dry-run --json >/dev/full", "--dry-run >&-"}) {
    const ProgramResult result = RunProgram("bash", {"-c", program + " in/m.onnx out/q.onnx " + command},
                                            {.folder = folder_.path(), .environment = {}});
    EXPECT_EQ(result.status, kFailed) << command;
    EXPECT_THAT(result.err, HasSubstr("cannot write to standard output"));
  }
}

// --- options

TEST_F(QuantizeErrorsTest, ArgumentsThatCannotBeMeant) {
  WriteTinyModel();
  struct Case {
    std::vector<std::string> arguments;
    std::vector<std::string> words;
  };
  const auto with = [](std::vector<std::string> options) {
    options.insert(options.begin(), {"in/m.onnx", "out/q.onnx"});
    return options;
  };
  for (const Case& c : std::vector<Case>{
           {{}, {"INPUT", "--help"}},
           {{"in/m.onnx"}, {"OUTPUT", "--help"}},
           {with({"third.onnx"}), {"third.onnx", "--help"}},
           {with({"--unknown"}), {"--unknown", "--help"}},
           {with({"-x"}), {"-x", "--help"}},
           {with({"--ops", "MatMul,Mattmul"}), {"--ops", "'Mattmul'", "MatMul, Gemm, Gather"}},
           {with({"--ops", ""}), {"--ops"}},
           {with({"--ops"}), {"--ops"}},
           {with({"--include", "("}), {"--include", "'('", "not a regular expression"}},
           {with({"--exclude", "[a"}), {"--exclude", "'[a'", "not a regular expression"}},
           {with({"--include", "no such node"}),
            {"--include", "'no such node'", "matches no node", "--dry-run"}},
           {with({"--exclude", "block7/"}), {"--exclude", "'block7/'", "matches no node"}},
           {with({"--include", "block0/", "--include", "block9/"}), {"'block9/'", "matches no node"}},
           {with({"--external-data", "sometimes"}), {"--external-data", "sometimes", "always"}},
           {with({"--progress", "loud"}), {"--progress", "loud"}},
           {with({"--log-level", "loud"}), {"--log-level", "loud"}},
           {with({"--threads", "0"}), {"--threads"}},
           {with({"--threads", "-1"}), {"--threads"}},
           {with({"--threads", "1025"}), {"--threads"}},
           {with({"--threads", "two"}), {"--threads"}},
           {with({"--isa", "mmx"}), {"mmx", "scalar"}},
           {with({"--memory-budget", "1KiB"}), {"--memory-budget", "1.02 KB", "8.39 MB"}},
           {with({"--memory-budget", "lots"}), {"--memory-budget"}},
           {with({"--memory-budget", "100EiB"}), {"--memory-budget"}},
           {with({"--min-elements", "few"}), {"--min-elements"}},
           {with({"--min-elements"}), {"--min-elements"}},
           {with({"--checksums"}), {"--checksums"}},
           {with({"--audit-log"}), {"--audit-log"}}}) {
    SCOPED_TRACE(::testing::PrintToString(c.arguments));
    ExpectFailure(c.arguments, kUsage, c.words);
  }
}

TEST_F(QuantizeErrorsTest, ADashIsNoName) {
  OneMatMul().Save(input());
  ExpectFailure({"in/m.onnx", "-"}, kUsage, {"OUTPUT", "./-"});
  ExpectFailure({"-", "out/q.onnx"}, kUsage, {"INPUT", "./-"});
  ExpectFailure({"in/m.onnx", "out/q.onnx", "--checksums", "-"}, kUsage, {"--checksums", "./-"});
}

TEST_F(QuantizeErrorsTest, UnknownOptionsAreNamedBeforeWhatTheyMakeOfTheRest) {
  OneMatMul().Save(folder_ / "-m.onnx");
  ExpectFailure({"-m.onnx", "out/q.onnx"}, kUsage, {"no option '-m.onnx'", "'./-m.onnx'"});
  ExpectFailure({"-v"}, kUsage, {"no option -v (did you mean --version or --values?)"});
  ExpectFailure({"--dry", "in/m.onnx", "out/q.onnx"}, kUsage, {"no option --dry (did you mean --dry-run?)"});
}

// Programs that read it get an object whatever happened.
TEST_F(QuantizeErrorsTest, JsonSaysWhatFailed) {
  const auto failure = [this](const std::vector<std::string>& arguments, int status,
                              const std::string& kind) {
    const ProgramResult result = Run(arguments);
    EXPECT_EQ(result.status, status);
    const auto json = nlohmann::json::parse(result.out);
    EXPECT_EQ(json["outcome"], "failed");
    EXPECT_EQ(json["exit_status"], status);
    EXPECT_EQ(json["error"]["kind"], kind);
    EXPECT_THAT(result.err, HasSubstr(json["error"]["message"].get<std::string>()));
  };
  failure({"in/m.onnx", "out/q.onnx", "--json"}, kFailed, "failure");
  failure({"in/m.onnx", "--json"}, kUsage, "usage");
  failure({"in/m.onnx", "out/q.onnx", "--json", "--nonsense"}, kUsage, "usage");
  failure({"verify", "in/m.onnx", "--json"}, kFailed, "failure");
  failure({"inspect", "in/m.onnx", "--json"}, kFailed, "failure");
  failure({"audit", "nowhere.jsonl", "--json"}, kFailed, "failure");
  failure({"compare", "in/m.onnx", "in/m.onnx", "--json"}, kFailed, "failure");
  WriteFile(input(), "GGUF");
  failure({"in/m.onnx", "out/q.onnx", "--json"}, kFailed, "invalid-model");
}

TEST_F(QuantizeErrorsTest, NegativeNumbers) {
  WriteTinyModel();
  ExpectFailure({"in/m.onnx", "out/q.onnx", "--min-elements", "-1"}, kUsage, {"--min-elements"});
  ExpectFailure({"in/m.onnx", "out/q.onnx", "--memory-budget", "-5"}, kUsage, {"--memory-budget"});
  ExpectFailure({"in/m.onnx", "out/q.onnx", "--memory-budget=-64MiB"}, kUsage, {"--memory-budget"});
}

TEST_F(QuantizeErrorsTest, WrongUsageIsNotRecorded) {
  WriteTinyModel();
  ExpectFailure({"in/m.onnx", "out/q.onnx", "--audit-log", "log", "--include", "("}, kUsage, {"--include"});
}

// --- nothing to do

TEST_F(QuantizeErrorsTest, NothingToQuantize) {
  WriteTinyModel();
  const auto before = Snapshot();
  const ProgramResult result = Quantize({"--min-elements", "1000000"});
  EXPECT_EQ(result.status, kNothingQuantized);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err,
              AllOf(HasSubstr("quantize-int8: error: nothing to quantize in in/m.onnx"),
                    HasSubstr("--allow-empty"), HasSubstr("weight below --min-elements"),
                    HasSubstr("operator has no INT8 form"), HasSubstr("product of two activations")));
  EXPECT_EQ(Snapshot(), before);
}

TEST_F(QuantizeErrorsTest, NothingToQuantizeInADryRunOrAsJson) {
  WriteTinyModel();
  const ProgramResult dry = Quantize({"--min-elements", "1000000", "--dry-run"});
  EXPECT_EQ(dry.status, kNothingQuantized);
  EXPECT_THAT(dry.out, HasSubstr("kept: weight below --min-elements"));
  const ProgramResult as_json = Quantize({"--min-elements", "1000000", "--json"});
  EXPECT_EQ(as_json.status, kNothingQuantized);
  EXPECT_THAT(as_json.out, HasSubstr("\"outcome\": \"nothing-quantized\""));
  EXPECT_TRUE(Written().empty());
}

TEST_F(QuantizeErrorsTest, AModelThatIsInt8AlreadyIsLeftAlone) {
  WriteTinyModel();
  ASSERT_EQ(Quantize().status, 0);
  const auto before = Snapshot();
  EXPECT_EQ(Run({"out/q.onnx", "in/again.onnx"}).status, kNothingQuantized);
  EXPECT_EQ(Snapshot(), before);
}

// ---- Forms

TEST_F(QuantizeErrorsTest, FormsThatAreNone) {
  WriteTinyModel();
  const std::vector<std::string> run = {"in/m.onnx", "out/q.onnx"};
  const auto with = [&run](const std::vector<std::string>& options) {
    std::vector<std::string> arguments = run;
    arguments.insert(arguments.end(), options.begin(), options.end());
    return arguments;
  };
  ExpectFailure(with({"--form", "per_token"}), 2,
                {"--form", "'per_token' is not a form", "per-token, residual"});
  ExpectFailure(with({"--form", "blockwise-48"}), 2, {"'blockwise-48' is not a form"});
  ExpectFailure(with({"--form", "residual=("}), 2,
                {"--form residual=", "'('", "is not a regular expression"});
  ExpectFailure(with({"--form", "residual=decoder"}), 2,
                {"--form residual=decoder matches no node", "--dry-run"});
  ExpectFailure(with({"--node-form", "float32=nobody"}), 2, {"--node-form float32=nobody names no node"});
}

}  // namespace
}  // namespace qi8::testing
