// What quantize-int8 tune can reach, on the real ONNX Runtime. It is measured again and again, which takes
// sanitizers minutes, and is the same code as that of tune_test.cpp.
#include <cmath>
#include <nlohmann/json.hpp>

#include "cmdline/tune_fixture.hpp"

namespace qi8::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class TuneTargetsTest : public TuneTest {};

TEST_F(TuneTargetsTest, FidelityIsPaidWithSize) {
  WriteTinyModel();
  const auto tuned = [&](const std::string& decibels, const std::string& size) {
    const ProgramResult result = Tune({"--min-sqnr", decibels, "--json", "--max-size", size});
    EXPECT_EQ(result.status, 0) << result.err;
    const json report = result.status == 0 ? json::parse(result.out) : json();
    if (report.is_null()) throw std::runtime_error(result.err);
    EXPECT_GE(report["measured"]["sqnr_db"].get<double>(), std::stod(decibels));
    EXPECT_NEAR(report["measured"]["sqnr_db"].get<double>(), report["predicted"]["sqnr_db"].get<double>(), 2);
    return report;
  };
  const json coarse = tuned("20", "250kB");
  const json fine = tuned("36", "450kB");
  const auto floats = [](const json& report) {
    return std::count_if(report["nodes"].begin(), report["nodes"].end(),
                         [](const json& node) { return node["form"] == "float32"; });
  };
  EXPECT_LT(floats(coarse), floats(fine));
}

TEST_F(TuneTargetsTest, SaysWhereNothingIsQuantized) {
  WriteTinyModel();
  const ProgramResult result = Tune({"--min-sqnr", "100"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("the plan keeps everything in float32"));
}

TEST_F(TuneTargetsTest, WritesAPage) {
  WriteTinyModel();
  ASSERT_EQ(Tune({"--max-size", "400kB", "--report", "out/tune.html", "-q"}).status, 0);
  const std::string page = ReadFile(folder_ / "out" / "tune.html");
  EXPECT_THAT(page, StartsWith("<!doctype html>\n<!-- written by quantize-int8 tune"));
  for (const char* part :
       {"block1/down/MatMul", "the plan", "What can be had", "Every form of every node", "dB"}) {
    EXPECT_THAT(page, HasSubstr(part));
  }
  EXPECT_EQ(page.find("http:"), std::string::npos);
  EXPECT_EQ(page.find("https:"), std::string::npos) << "nothing is loaded from anywhere";
  EXPECT_EQ(Tune({"--max-size", "400kB", "--report", "out/tune.html", "-q"}).status, 0)
      << "a report replaces a report";
  WriteFile(folder_ / "mine.html", "mine");
  EXPECT_EQ(Tune({"--report", "mine.html", "-q"}).status, 1);
  EXPECT_EQ(ReadFile(folder_ / "mine.html"), "mine");
}

TEST_F(TuneTargetsTest, APlanIsForOneModel) {
  WriteTinyModel();
  ASSERT_EQ(Tune({"--min-sqnr", "20", "--max-size", "300kB", "-q"}).status, 0);
  fs::rename(folder_ / "out" / "plan.toml", folder_ / "plan.toml");
  models::write_audio_core(folder_ / "in" / "other.onnx", {.seed = 5});
  // Weights lie beside the model, so it is the model's own file that tells the two apart; here they are one
  // graph.
  ModelBuilder other = OneMatMul();
  other.Save(folder_ / "in" / "other.onnx");
  const auto before = Snapshot();
  const ProgramResult result = Run({"in/other.onnx", "out/q.onnx", "--config", "plan.toml"});
  EXPECT_EQ(result.status, 4) << result.err;
  EXPECT_THAT(result.err, HasSubstr("'in/other.onnx' has the SHA-256 "));
  EXPECT_THAT(result.err, HasSubstr("but the plan (or --expect-input) is for the model with "));
  EXPECT_EQ(Snapshot(), before);
}

TEST_F(TuneTargetsTest, WhatCannotBeReachedIsSaidWithWhatCan) {
  WriteTinyModel();
  ExpectNothing(Tune({"--min-sqnr", "30", "--max-size", "100kB"}), 4,
                {"'in/m.onnx': no plan reaches what was asked for"});
  ExpectNothing(Tune({"--min-speedup", "1000"}), 4,
                {"no plan reaches", "the fastest plan is predicted to have", "the speed of FP32"});
  ExpectNothing(Call({"in/m.onnx", "out/q.onnx", "--min-sqnr", "30", "--min-speedup", "1000"}), 4,
                {"no plan reaches"});
}

TEST_F(TuneTargetsTest, SaysWhatPerTensorMeans) {
  WriteTinyModel();
  const std::vector<std::string> options = {"--forms", "per-tensor", "--batch-dependent", "--max-size",
                                            "300kB"};
  const ProgramResult result = Tune(options);
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("with per-tensor, a result depends on what else is in the batch"));
}

}  // namespace
}  // namespace qi8::testing
