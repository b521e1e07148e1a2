// quantize-int8 rollout and rollback
#include "qi8/rollout.hpp"

#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "cmdline/quantize_fixture.hpp"

namespace qi8::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr int kCheckFailed = 4;

TEST(RolloutMemoryTest, FollowsTheProportionsOfTheGuide) {
  EXPECT_EQ(RolloutMemoryMb(4'300'000'000), 4400U);
  EXPECT_EQ(RolloutMemoryMb(1'080'000'000), 1200U);
  EXPECT_EQ(RolloutMemoryMb(0), 100U);
  EXPECT_EQ(RolloutMemoryMb(1), 200U);
  EXPECT_EQ(RolloutMemoryMb(100'000'000), 200U);
  EXPECT_EQ(RolloutMemoryMb(100'000'001), 300U);
}

// The shipped sarai.yaml, the FP32 model in models/onnx, and its INT8 form.
class RolloutTest : public QuantizeTest {
 protected:
  RolloutTest() : original_(ReadFile(std::string(QI8_CONFIG_FOLDER) + "sarai.yaml")) {
    fs::create_directories(folder_ / "models/onnx");
    models::write_audio_core(fp32(), {});
    WriteFile(config(), original_);
    EXPECT_EQ(Run({"models/onnx/agi_audio_core.onnx", kInt8, "-q"}).status, 0);
  }

  [[nodiscard]] fs::path config() const { return folder_ / "sarai.yaml"; }
  [[nodiscard]] fs::path fp32() const { return folder_ / "models/onnx/agi_audio_core.onnx"; }
  [[nodiscard]] fs::path log() const { return folder_ / "models/onnx/quantization_log.jsonl"; }

  [[nodiscard]] static std::vector<std::string> RolloutArguments(std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"rollout", "sarai.yaml", "--model", kInt8});
    return more;
  }
  [[nodiscard]] ProgramResult Rollout(const std::vector<std::string>& more = {}) const {
    return Run(RolloutArguments(more));
  }
  [[nodiscard]] ProgramResult Rollback(std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"rollback", "sarai.yaml"});
    return Run(more);
  }
  void ExpectRefused(const std::vector<std::string>& words, int status = kCheckFailed) {
    ExpectFailure(RolloutArguments(), status, words);
  }
  void ExpectNoWayBack(const std::vector<std::string>& words, int status = kCheckFailed) {
    ExpectFailure({"rollback", "sarai.yaml"}, status, words);
  }
  // Replaces the one place in the configuration.
  void Edit(const std::string& from, const std::string& to) const {
    std::string text = ReadFile(config());
    const std::size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    WriteFile(config(), text.replace(at, from.size(), to));
  }
  [[nodiscard]] std::vector<json> Records() const {
    std::vector<json> records;
    std::istringstream lines(ReadFile(log()));
    for (std::string line; std::getline(lines, line);) records.push_back(json::parse(line));
    return records;
  }

  static constexpr const char* kInt8 = "models/onnx/agi_audio_core_int8.onnx";
  std::string original_;
};

TEST_F(RolloutTest, ChangesThreeValuesAndComesBackByteForByte) {
  const ProgramResult there = Rollout();
  ASSERT_EQ(there.status, 0) << there.err;
  EXPECT_EQ(there.out, "");
  EXPECT_THAT(there.err, AllOf(HasSubstr("Qwen3-Omni-3B -> Qwen3-Omni-3B-INT8"), HasSubstr("4400 -> 200")));
  std::string expected = original_;
  const auto replace = [&](const std::string& from, const std::string& to) {
    expected.replace(expected.find(from), from.size(), to);
  };
  replace("name: \"Qwen3-Omni-3B\"", "name: \"Qwen3-Omni-3B-INT8\"");
  replace("\"models/onnx/agi_audio_core.onnx\"", "\"models/onnx/agi_audio_core_int8.onnx\"");
  replace("max_memory_mb: 4400", "max_memory_mb: 200");
  EXPECT_EQ(ReadFile(config()), expected);

  const ProgramResult back = Rollback();
  ASSERT_EQ(back.status, 0) << back.err;
  EXPECT_THAT(back.err, HasSubstr("200 -> 4400"));
  EXPECT_EQ(ReadFile(config()), original_);
  EXPECT_EQ(Run({"audit", log().native()}).status, 0);

  // And again.
  ASSERT_EQ(Rollout().status, 0);
  EXPECT_EQ(ReadFile(config()), expected);
  ASSERT_EQ(Rollback().status, 0);
  EXPECT_EQ(ReadFile(config()), original_);
}

TEST_F(RolloutTest, BothAreOnRecord) {
  ASSERT_EQ(Rollout().status, 0);
  ASSERT_EQ(Rollback().status, 0);
  const auto records = Records();
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[1]["command"], "rollout");
  EXPECT_EQ(records[1]["status"], "done");
  EXPECT_EQ(records[1]["inputs"], records[0]["inputs"]);
  EXPECT_EQ(records[1]["outputs"], records[0]["outputs"]);
  const json& change = records[1]["config"];
  EXPECT_EQ(change["path"], config().native());
  EXPECT_EQ(change["section"], "models.audio_omni");
  EXPECT_EQ(change["before"]["name"], json({{"value", "Qwen3-Omni-3B"}, {"yaml", "\"Qwen3-Omni-3B\""}}));
  EXPECT_EQ(change["after"]["max_memory_mb"]["value"], "200");
  EXPECT_EQ(records[2]["command"], "rollback");
  EXPECT_EQ(records[2]["config"]["after"], change["before"]);
  EXPECT_EQ(records[2]["outputs"], records[1]["inputs"]);
}

TEST_F(RolloutTest, TakesNameAndMemory) {
  ASSERT_EQ(Rollout({"--name", "a \"b\"", "--max-memory-mb", "1200"}).status, 0);
  EXPECT_THAT(ReadFile(config()),
              AllOf(HasSubstr("name: \"a \\\"b\\\"\""), HasSubstr("max_memory_mb: 1200  #")));
  ASSERT_EQ(Rollback().status, 0);
  EXPECT_EQ(ReadFile(config()), original_);
}

// Not every pipeline knows a name and a limit of memory.
TEST_F(RolloutTest, ChangesOnlyTheKeysThatTheSectionHas) {
  const std::string before = "audio_omni:\n  model_path: models/onnx/agi_audio_core.onnx  # FP32\n";
  WriteFile(config(), before);
  const ProgramResult there = Rollout();
  ASSERT_EQ(there.status, 0) << there.err;
  EXPECT_EQ(ReadFile(config()), "audio_omni:\n  model_path: " + std::string(kInt8) + "  # FP32\n");
  EXPECT_THAT(there.err, AllOf(HasSubstr("model_path "), Not(HasSubstr("max_memory_mb"))));
  const ProgramResult back = Rollback();
  ASSERT_EQ(back.status, 0) << back.err;
  EXPECT_EQ(ReadFile(config()), before);

  ExpectFailure(RolloutArguments({"--name", "new"}), kFailed, {"has no 'name:', which --name is to set"});
  ExpectFailure(RolloutArguments({"--max-memory-mb", "7"}), kFailed, {"has no 'max_memory_mb:'"});
  WriteFile(config(), "audio_omni:\n  name: a\n");
  ExpectRefused({"add 'model_path:' with its current value"}, kFailed);
}

TEST_F(RolloutTest, KeepsWhatWasEditedMeanwhile) {
  ASSERT_EQ(Rollout().status, 0);
  Edit("priority: 10", "priority: 11  # more");
  Edit("  audio_omni:\n", "  # moved\n\n  audio_omni:\n");
  ASSERT_EQ(Rollback().status, 0);
  Edit("priority: 11  # more", "priority: 10");
  Edit("  # moved\n\n", "");
  EXPECT_EQ(ReadFile(config()), original_);
}

TEST_F(RolloutTest, ADryRunPrintsWhatPatchTakes) {
  const auto before = Snapshot();
  const ProgramResult dry = Rollout({"--dry-run"});
  EXPECT_EQ(dry.status, 0) << dry.err;
  EXPECT_EQ(dry.err, "");
  EXPECT_EQ(Snapshot(), before);
  EXPECT_THAT(dry.out,
              AllOf(HasSubstr("\n-    max_memory_mb: 4400  #"), HasSubstr("\n+    max_memory_mb: 200  #")));
  WriteFile(folder_ / "d.patch", dry.out);
  fs::copy_file(config(), folder_ / "patched.yaml");
  const ProgramResult patch = RunProgram("patch", {"--silent", "patched.yaml", "d.patch"},
                                         {.folder = folder_.path(), .environment = {}});
  ASSERT_EQ(patch.status, 0) << patch.out << patch.err;
  ASSERT_EQ(Rollout().status, 0);
  EXPECT_EQ(ReadFile(folder_ / "patched.yaml"), ReadFile(config()));

  const auto rolled_out = Snapshot();
  const ProgramResult back = Rollback({"-n"});
  EXPECT_EQ(back.status, 0) << back.err;
  EXPECT_THAT(back.out, HasSubstr("\n+    max_memory_mb: 4400  #"));
  EXPECT_EQ(Snapshot(), rolled_out);
}

TEST_F(RolloutTest, RunsFromAnywhere) {
  fs::create_directory(folder_ / "etc");
  fs::rename(config(), folder_ / "etc/sarai.yaml");
  const auto run = [this](const std::vector<std::string>& arguments) {
    return RunQuantizeInt8(arguments, {.folder = folder_ / "etc", .environment = {}});
  };
  const std::string root = folder_.path();
  EXPECT_EQ(run({"rollout", "sarai.yaml", "--model", kInt8}).status, kFailed) << "no such file from here";
  ASSERT_EQ(run({"rollout", "sarai.yaml", "--model", kInt8, "--root", root}).status, 0);
  EXPECT_THAT(ReadFile(folder_ / "etc/sarai.yaml"), HasSubstr("\"models/onnx/agi_audio_core_int8.onnx\""));
  ASSERT_EQ(run({"rollback", "sarai.yaml", "--root", ".."}).status, 0);
  EXPECT_EQ(ReadFile(folder_ / "etc/sarai.yaml"), original_);
}

TEST_F(RolloutTest, ThroughALinkWithModeKept) {
  fs::rename(config(), folder_ / "real.yaml");
  fs::create_symlink("real.yaml", config());
  fs::permissions(folder_ / "real.yaml", fs::perms::owner_read | fs::perms::owner_write);
  ASSERT_EQ(Rollout().status, 0);
  ASSERT_EQ(Rollback().status, 0);
  EXPECT_TRUE(fs::is_symlink(config()));
  EXPECT_EQ(ReadFile(folder_ / "real.yaml"), original_);
  EXPECT_EQ(fs::status(folder_ / "real.yaml").permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

// --- refused, and nothing changed

TEST_F(RolloutTest, TwiceIsRefused) {
  ASSERT_EQ(Rollout().status, 0);
  ExpectRefused({"models.audio_omni", "already"});
  ASSERT_EQ(Rollback().status, 0);
  ExpectNoWayBack({"models.audio_omni", "back already"});
}

TEST_F(RolloutTest, AModelWithoutARecordIsRefused) {
  fs::remove(log());
  ExpectRefused({"quantization_log.jsonl", "No such file"}, kFailed);
  WriteFile(log(), "");
  ExpectRefused({"no record", "agi_audio_core_int8.onnx", "--audit-log"});
}

TEST_F(RolloutTest, AnInt8ModelThatIsNotWhatWasWrittenIsRefused) {
  std::string data = ReadFile(folder_ / (std::string(kInt8) + ".data"));
  data[1000] = static_cast<char>(data[1000] ^ 1);
  WriteFile(folder_ / (std::string(kInt8) + ".data"), data);
  ExpectRefused({"agi_audio_core_int8.onnx.data", "SHA-256"});
  fs::remove(folder_ / (std::string(kInt8) + ".data"));
  ExpectRefused({"agi_audio_core_int8.onnx.data", "gone"});
}

TEST_F(RolloutTest, AnotherFp32ModelIsRefused) {
  Edit("agi_audio_core.onnx", "emotion_small.onnx");
  ExpectRefused({"emotion_small.onnx", "gone"});
  OneMatMul().Save(folder_ / "models/onnx/emotion_small.onnx");
  ExpectRefused({"emotion_small.onnx", "only of the model that it was made from"});
}

TEST_F(RolloutTest, ALogThatWasChangedIsRefused) {
  std::string text = ReadFile(log());
  text.replace(text.find("\"user\":\""), 8, "\"user\":\"x");
  WriteFile(log(), text);
  ExpectRefused({"quantization_log.jsonl", "line 1", "changed"});
}

TEST_F(RolloutTest, WithoutSha256OfTheInputThereIsNoWayBack) {
  ASSERT_EQ(Run({"models/onnx/agi_audio_core.onnx", kInt8, "-qf", "--no-input-checksum"}).status, 0);
  ExpectRefused({"agi_audio_core.onnx", "no SHA-256", "--no-input-checksum"});
}

TEST_F(RolloutTest, AConfigurationThatIsNotAsExpectedIsRefused) {
  ExpectFailure({"rollout", "nowhere.yaml", "--model", kInt8}, kFailed, {"'nowhere.yaml'", "No such file"});
  ExpectFailure({"rollout", "sarai.yaml", "--model", "models/nowhere.onnx"}, kFailed, {"nowhere.onnx"});
  ExpectFailure(RolloutArguments({"--section", "video"}), kFailed, {"'video'", "--section"});
  ExpectFailure({"rollout", "sarai.yaml"}, kUsage, {"--model"});
  ExpectFailure(RolloutArguments({"--max-memory-mb", "-1"}), kUsage, {"--max-memory-mb"});
  Edit("    max_memory_mb: 4400", "    max_memory_mb: 4400\n    max_memory_mb: 4400");
  ExpectRefused({"'sarai.yaml', line 16", "'max_memory_mb'", "twice"}, kFailed);
  WriteFile(config(), std::string(2U << 20U, '#'));
  ExpectRefused({"1 MiB"}, kFailed);
}

TEST_F(RolloutTest, ALogThatCannotBeWrittenLeavesTheConfiguration) {
  fs::create_directory(folder_ / "state");
  fs::rename(log(), folder_ / "state/log");
  // Only root's own rights would let it pass.
  const std::string command =
      std::string("chmod 777 . && chmod 444 state/log && setpriv --reuid=65534 --clear-groups ") +
      QI8_PROGRAM + " rollout sarai.yaml --audit-log state/log --model " + kInt8;
  const ProgramResult result =
      RunProgram("bash", {"-c", command}, {.folder = folder_.path(), .environment = {}});
  EXPECT_EQ(result.status, kFailed) << result.err;
  EXPECT_THAT(result.err, HasSubstr("state/log"));
  EXPECT_EQ(ReadFile(config()), original_);
}

TEST_F(RolloutTest, AChangedFp32ModelIsNoWayBack) {
  ASSERT_EQ(Rollout().status, 0);
  std::string data = ReadFile(fp32().native() + ".data");
  data[0] = static_cast<char>(data[0] ^ 1);
  WriteFile(fp32().native() + ".data", data);
  ExpectNoWayBack({"agi_audio_core.onnx.data", "not what it was"});
  fs::remove(fp32());
  ExpectNoWayBack({"agi_audio_core.onnx'", "gone"});
}

TEST_F(RolloutTest, AnotherValueThanWasRolledOutIsNoWayBack) {
  ASSERT_EQ(Rollout().status, 0);
  Edit("max_memory_mb: 200  #", "max_memory_mb: 1300  #");
  ExpectNoWayBack({"max_memory_mb", "'1300'", "'200'"});
}

TEST_F(RolloutTest, NoRolloutIsNoWayBack) {
  ExpectNoWayBack({"never rolled out", "--audit-log"});
  ASSERT_EQ(Rollout().status, 0);
  fs::copy_file(config(), folder_ / "other.yaml");
  ExpectFailure({"rollback", "other.yaml"}, kCheckFailed, {"'other.yaml'", "never rolled out"});
}

TEST_F(RolloutTest, TheWayBackNeedsNoInt8Model) {
  ASSERT_EQ(Rollout().status, 0);
  fs::remove(folder_ / kInt8);
  ASSERT_EQ(Rollback().status, 0);
  EXPECT_EQ(ReadFile(config()), original_);
}

}  // namespace
}  // namespace qi8::testing
