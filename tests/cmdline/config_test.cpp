// quantize-int8 --config FILE
#include <nlohmann/json.hpp>

#include "cmdline/quantize_fixture.hpp"

namespace qi8::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class ConfigTest : public QuantizeTest {
 protected:
  ConfigTest() { WriteTinyModel(); }
  [[nodiscard]] static std::string Shipped(const std::string& name) {
    return std::string(QI8_CONFIG_FOLDER) + name;
  }
};

TEST_F(ConfigTest, TheDefaultFileChangesNothing) {
  ASSERT_EQ(Quantize({"-q"}).status, 0);
  ASSERT_EQ(Run({"in/m.onnx", "out/c.onnx", "--config", Shipped("default.toml"), "-q"}).status, 0);
  EXPECT_EQ(Sha256::HexOf(ReadFile(folder_ / "out/q.onnx.data")),
            Sha256::HexOf(ReadFile(folder_ / "out/c.onnx.data")));
  EXPECT_EQ(fs::file_size(folder_ / "out/q.onnx"), fs::file_size(folder_ / "out/c.onnx"));
  // The options in force are on record.
  const std::string log = ReadFile(folder_ / "out/quantization_log.jsonl");
  const std::size_t second = log.find('\n') + 1;
  json one = json::parse(log.substr(0, second))["options"];
  json other = json::parse(log.substr(second))["options"];
  for (json* options : {&one, &other}) options->erase("output");
  EXPECT_EQ(one, other);
}

TEST_F(ConfigTest, DecidesUnlessTheCommandLineDoes) {
  WriteFile(folder_ / "c.toml", "ops = ['Gather']\nexclude = ['^embed']\njson = true\ndry-run = true\n");
  EXPECT_EQ(json::parse(Quantize({"--config", "c.toml", "--ops", "all"}).out)["quantized_nodes"], 15);
  EXPECT_EQ(json::parse(Quantize({"--config", "c.toml", "--exclude", "^head"}).out)["quantized_nodes"], 1);
}

TEST_F(ConfigTest, ErrorsAreWrongUsage) {
  WriteFile(folder_ / "c.toml", "ops = ['MatMul']\nexlude = ['a']\n");
  ExpectFailure({"in/m.onnx", "out/q.onnx", "--config", "c.toml"}, 2,
                {"'c.toml', line 2", "'exlude'", "did you mean exclude?", "--help"});
  ExpectFailure({"in/m.onnx", "out/q.onnx", "--config", "nowhere.toml"}, 2,
                {"'nowhere.toml'", "No such file"});
}

TEST_F(ConfigTest, OfTheGuideKeepsChecksumsAndLogWhereItWantsThem) {
  fs::create_directories(folder_ / "models/onnx");
  fs::create_directories(folder_ / "state");
  models::write_audio_core(folder_ / "models/onnx/agi_audio_core.onnx", {});
  const std::string other = Sha256::HexOf("other") + "  other.onnx\n";
  WriteFile(folder_ / "models/onnx/other.onnx", "other");
  WriteFile(folder_ / "models/onnx/CHECKSUMS.txt", other);
  const ProgramResult result =
      Run({"models/onnx/agi_audio_core.onnx", "models/onnx/agi_audio_core_int8.onnx", "--config",
           Shipped("agi_audio_core.toml"), "--onnxruntime", QI8_TEST_ONNXRUNTIME});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(ReadFile(folder_ / "models/onnx/CHECKSUMS.txt").starts_with(other));
  EXPECT_EQ(CheckSums("models/onnx", "CHECKSUMS.txt").status, 0);
  const json record = json::parse(ReadFile(folder_ / "state/quantization_log.jsonl"));
  EXPECT_EQ(record["options"]["matmul_const_b_only"], false);
  EXPECT_EQ(record["options"]["optimize"], "basic");
  EXPECT_EQ(record["quantized_nodes"], 20) << "the products of two activations too";
}

// --- words that are not quite right

TEST_F(ConfigTest, MisspelledOptionsAndCommandsGetASuggestion) {
  ExpectFailure({"in/m.onnx", "out/q.onnx", "--exlude", "x"}, 2,
                {"no option --exlude", "did you mean --exclude?"});
  ExpectFailure({"in/m.onnx", "out/q.onnx", "--exlude=x"}, 2,
                {"no option --exlude (did you mean --exclude?)"});
  ExpectFailure({"audit", "--jsno", "x"}, 2, {"no option --jsno", "did you mean --json?", "audit --help"});
  ExpectFailure({"aduit", "out/quantization_log.jsonl"}, 2, {"no command", "'aduit'", "did you mean audit?"});
}

TEST_F(ConfigTest, AFileWithNearlyTheNameOfACommandIsAModel) {
  fs::copy_file(input(), folder_ / "aduit");
  fs::copy_file(folder_ / "in/m.onnx.data", folder_ / "m.onnx.data");
  EXPECT_EQ(Run({"aduit", "out/q.onnx"}).status, 0);
}

}  // namespace
}  // namespace qi8::testing
