// quantize-int8 audit LOG
#include <nlohmann/json.hpp>

#include "cmdline/quantize_fixture.hpp"

namespace qi8::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class AuditTest : public QuantizeTest {
 protected:
  AuditTest() {
    WriteTinyModel();
    EXPECT_EQ(Quantize().status, 0);
    EXPECT_EQ(Quantize().status, 1) << "the output exists";
    EXPECT_EQ(Quantize({"--force"}).status, 0);
  }
  [[nodiscard]] std::filesystem::path log() const { return folder_ / "out" / "quantization_log.jsonl"; }
};

TEST_F(AuditTest, ShowsALineForEachRun) {
  const ProgramResult result = Run({"audit", "out/quantization_log.jsonl"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(std::count(result.out.begin(), result.out.end(), '\n'), 4) << result.out;
  EXPECT_THAT(result.out, StartsWith("TIME "));
  EXPECT_THAT(result.out, AllOf(HasSubstr("quantize  done "), HasSubstr("quantize  failed "),
                                HasSubstr("m.onnx -> "), HasSubstr("q.onnx\n")));
}

TEST_F(AuditTest, JsonHasTheRecordsAsTheyStand) {
  const ProgramResult result = Run({"audit", "--json", "out/quantization_log.jsonl"});
  EXPECT_EQ(result.status, 0) << result.err;
  const auto json = nlohmann::json::parse(result.out);
  ASSERT_EQ(json["records"].size(), 3U);
  EXPECT_EQ(json["records"][1]["status"], "failed");
  EXPECT_EQ(json["lines"], 3);
  EXPECT_EQ(json["intact"], true);
}

TEST_F(AuditTest, AChangedLineIsNamed) {
  std::string text = ReadFile(log());
  text.replace(text.rfind("\"done\""), 6, "\"fail\"");
  WriteFile(log(), text);
  for (const bool json : {false, true}) {
    std::vector<std::string> arguments = {"audit", "out/quantization_log.jsonl"};
    if (json) arguments.emplace_back("--json");
    const ProgramResult result = Run(arguments);
    EXPECT_EQ(result.status, 4);
    EXPECT_THAT(result.err, HasSubstr("error: out/quantization_log.jsonl: line 3: "));
    if (!json) continue;
    EXPECT_EQ(nlohmann::json::parse(result.out)["problems"][0]["line"], 3);
  }
}

TEST_F(AuditTest, ALogThatIsNotThereCannotBeRead) {
  const ProgramResult result = Run({"audit", "out/none.jsonl"});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, HasSubstr("none.jsonl"));
}

TEST_F(AuditTest, WantsALog) { EXPECT_EQ(Run({"audit"}).status, 2); }

TEST_F(AuditTest, AReaderThatCannotTakeItAllIsAFailure) {
  const ProgramResult result =
      RunProgram("sh", {"-c", "\"$0\" audit out/quantization_log.jsonl > /dev/full", QI8_PROGRAM},
                 {.folder = folder_.path(), .environment = {}});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, HasSubstr("standard output"));
}

}  // namespace
}  // namespace qi8::testing
