// The guide that the tool replaces, step by step, with the installed program.
#include <nlohmann/json.hpp>
#include <sstream>

#include "package/install_fixture.hpp"
#include "runtime/saturation.hpp"

namespace qi8::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class GuideTest : public InstallTest {
 protected:
  static constexpr const char* kFp32 = "models/onnx/agi_audio_core.onnx";
  static constexpr const char* kInt8 = "models/onnx/agi_audio_core_int8.onnx";
  static constexpr const char* kLog = "state/quantization_log.jsonl";

  // The folder in which the speech system runs.
  GuideTest() {
    for (const char* folder : {"config", "models/onnx", "state"}) fs::create_directories(Folder() / folder);
    for (const char* file : {"sarai.yaml", "agi_audio_core.toml"}) {
      fs::copy_file(Examples() / file, Folder() / "config" / file);
    }
    // Data files are found by the name that the model has for them.
    fs::copy_file(Examples() / "audio_core.onnx", Folder() / kFp32);
    fs::copy_file(Examples() / "audio_core.onnx.data", Folder() / "models/onnx/audio_core.onnx.data");
  }
};

TEST_F(GuideTest, GoesThroughAndBack) {
  const std::string config_before = ReadFile(Folder() / "config/sarai.yaml");

  // 1. Quantize; sizes, time and reduction are printed.
  ProgramResult result = QuantizeInt8(
      {kFp32, kInt8, "--config", "config/agi_audio_core.toml", "--onnxruntime", QI8_TEST_ONNXRUNTIME});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.err, AllOf(HasSubstr("size "), HasSubstr(" % less"), HasSubstr("took ")));
  EXPECT_TRUE(fs::exists(Folder() / (std::string(kInt8) + ".data")));

  // 2. and 3. Point the configuration, which is what the pipeline class reads, at it.
  result = QuantizeInt8({"rollout", "config/sarai.yaml", "--model", kInt8, "--audit-log", kLog});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(ReadFile(Folder() / "config/sarai.yaml"),
              AllOf(HasSubstr("    name: \"Qwen3-Omni-3B-INT8\"\n"), HasSubstr("    model_type: \"onnx\"\n"),
                    HasSubstr("    model_path: \"models/onnx/agi_audio_core_int8.onnx\"  #"),
                    HasSubstr("    backend: \"onnxruntime\"\n"), HasSubstr("    max_memory_mb: 200  #"),
                    HasSubstr("    permanent: true\n"), HasSubstr("    sample_rate: 22050\n")));

  // 4. Validate: both models, for several lengths, against what the guide allows; latency is not for a test.
  result = QuantizeInt8({"compare", kFp32, kInt8, "--onnxruntime", QI8_TEST_ONNXRUNTIME, "--lengths",
                         "13,25,50,75", "--runs", "3", "--min-sqnr", "15", "--min-cosine", "0.98",
                         "--max-rss", "1.5GB"});
  EXPECT_EQ(result.status, 0) << result.out << result.err;
  EXPECT_THAT(result.out, HasSubstr("all 3 limits hold"));

  // 5. Integrity: SHA-256 of both files, where the owners keep them.
  EXPECT_EQ(Run("bash", {"-c", "cd models/onnx && sha256sum --strict -c CHECKSUMS.txt"}).status, 0);

  EXPECT_EQ(QuantizeInt8({"verify", kInt8, "--checksums", "models/onnx/CHECKSUMS.txt", "--against", kFp32,
                          "--onnxruntime", QI8_TEST_ONNXRUNTIME})
                .status,
            0);

  // 6. Audit: tool versions, UTC time and user.
  result = QuantizeInt8({"audit", kLog, "--json"});
  EXPECT_EQ(result.status, 0) << result.err;
  const auto records = nlohmann::json::parse(result.out)["records"];
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0]["command"], "quantize");
  EXPECT_THAT(records[0]["time"].get<std::string>(), ::testing::MatchesRegex("....-..-..T..:..:..Z"));
  EXPECT_NE(records[0]["user"], "");
  EXPECT_FALSE(records[0]["libraries"]["onnx"].get<std::string>().empty());
  EXPECT_EQ(records[1]["command"], "rollout");

  // 7. Quality fell: back to FP32, as if nothing had been.
  result = QuantizeInt8({"rollback", "config/sarai.yaml", "--audit-log", kLog});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(ReadFile(Folder() / "config/sarai.yaml"), config_before);
  EXPECT_EQ(QuantizeInt8({"audit", kLog}).status, 0);
}

// What stands between "```sh" and "```" in the README, one after the other.
[[nodiscard]] std::string CommandsOfTheReadme() {
  std::istringstream lines(ReadFile(QI8_README));
  std::string commands;
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```")) {
      inside = line == "```sh";
    } else if (inside) {
      commands += line + "\n";
    }
  }
  return commands;
}

// What the README advises for a processor on which products of int8 weights saturate.
void WriteUint8Weights(std::string& commands) {
  const std::string call = "quantize-int8 audio_core.onnx audio_core_int8.onnx --force";
  for (std::size_t at = commands.find(call); at != std::string::npos; at = commands.find(call, at)) {
    at += call.size();
    commands.insert(at, " --weight-type uint8");
  }
}

// A folder that looks as the source tree does after quickstart, which is replaced by what it leaves.
using ReadmeTest = InstallTest;

TEST_F(ReadmeTest, ItsCommandsWork) {
  const fs::path tree = Folder() / "tree";
  fs::create_directories(tree / "build/example");
  fs::create_directory_symlink(QI8_BUILD_FOLDER, tree / "build/release");
  fs::copy(QI8_CONFIG_FOLDER, tree / "config");
  fs::create_directory(tree / "scripts");
  WriteFile(tree / "scripts/quickstart",
            "#!/bin/sh\ncd build/example\nexec ../release/make-audio-core --size tiny audio_core.onnx\n");
  fs::permissions(tree / "scripts/quickstart", fs::perms(0755));
  std::string commands = CommandsOfTheReadme();
  if (runtime::ProductsSaturateHere()) WriteUint8Weights(commands);
  EXPECT_THAT(commands,
              AllOf(HasSubstr("scripts/quickstart\n"), HasSubstr("compare "), HasSubstr("rollback ")));
  const ProgramResult result = RunProgram("bash", {"-euxo", "pipefail", "-c", commands},
                                          {.folder = tree, .environment = {"QI8_ONNXRUNTIME="}});
  EXPECT_EQ(result.status, 0) << result.out << result.err;
}

}  // namespace
}  // namespace qi8::testing
