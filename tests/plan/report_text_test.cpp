// Plans and runs in words and as JSON.
#include "plan/report_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>

namespace qi8 {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

[[nodiscard]] NodeDecision Quantized(const std::string& node) {
  return {.node = node,
          .op_type = "MatMul",
          .weight = "w",
          .weight_type = "float32",
          .weight_shape = {64, 32},
          .weight_bytes = 8192,
          .quantized_bytes = 2176,
          .skip = std::nullopt};
}

[[nodiscard]] NodeDecision Skipped(SkipReason reason, const std::string& detail = "",
                                   const std::string& op = "Conv") {
  NodeDecision node = Quantized("kept");
  node.op_type = op;
  node.quantized_bytes = 0;
  node.skip = Skip{reason, detail};
  return node;
}

[[nodiscard]] RunReport Example() {
  RunReport run;
  run.plan.nodes = {Quantized("m"), Skipped(SkipReason::kNoRule), Skipped(SkipReason::kNoRule),
                    Skipped(SkipReason::kType, "float16"), Skipped(SkipReason::kType, "float64")};
  run.plan.inputs = {{"in.onnx", 1000, std::string(64, 'a')}, {"in.data", 9000, std::string(64, 'b')}};
  run.plan.outputs = {{"out.onnx", 500, std::string(64, 'c')}, {"out.onnx.data", 2000, std::string(64, 'd')}};
  run.plan.quantized_nodes = 1;
  run.plan.quantized_weights = 1;
  run.plan.fp32_weight_bytes = 8192;
  run.plan.int8_weight_bytes = 2176;
  run.seconds = 1.234;
  run.peak_memory_bytes = 128'000'000;
  run.checksum_file = "out.onnx.sha256";
  run.audit_log = "log.jsonl";
  return run;
}

constexpr SkipReason kReasons[] = {SkipReason::kOperatorNotSelected,
                                   SkipReason::kNoRule,
                                   SkipReason::kExcluded,
                                   SkipReason::kNotIncluded,
                                   SkipReason::kTooSmall,
                                   SkipReason::kNotConstant,
                                   SkipReason::kActivations,
                                   SkipReason::kOverridable,
                                   SkipReason::kType,
                                   SkipReason::kShape,
                                   SkipReason::kNoSaving,
                                   SkipReason::kOpset};

TEST(SkipReasons, EachHasItsOwnWords) {
  std::set<std::string> identifiers;
  std::set<std::string> descriptions;
  for (const SkipReason reason : kReasons) {
    EXPECT_TRUE(identifiers.insert(Identifier(reason)).second);
    EXPECT_TRUE(descriptions.insert(Describe(reason)).second);
    EXPECT_EQ(Identifier(reason).find_first_not_of("abcdefghijklmnopqrstuvwxyz-"), std::string::npos);
    EXPECT_FALSE(Describe(reason).empty());
  }
}

TEST(PlanTable, ALineForEachNodeThenTheFiles) {
  EXPECT_EQ(
      PlanTable(Example().plan),
      "OPERATOR  NODE  WEIGHT  SHAPE     BYTES  BECOMES\n"
      "MatMul    m     w       [64, 32]  8,192  INT8, 2.18 KB\n"
      "Conv      kept  w       [64, 32]  8,192  kept: operator has no INT8 form\n"
      "Conv      kept  w       [64, 32]  8,192  kept: operator has no INT8 form\n"
      "Conv      kept  w       [64, 32]  8,192  kept: weight's element type is not quantized (float16)\n"
      "Conv      kept  w       [64, 32]  8,192  kept: weight's element type is not quantized (float64)\n"
      "\n"
      "input   1,000  in.onnx\n"
      "input   9,000  in.data\n"
      "output  500    out.onnx\n"
      "output  2,000  out.onnx.data\n"
      "reduction  75.00 %\n");
}

TEST(PlanTable, WithoutOutputsThereIsNoReduction) {
  PlanReport plan = Example().plan;
  plan.outputs.clear();
  EXPECT_THAT(PlanTable(plan), Not(HasSubstr("reduction")));
}

TEST(PlanTable, NamesFromFilesCannotMoveTheCursor) {
  PlanReport plan;
  plan.nodes = {Quantized("evil\x1b[2J\nname")};
  plan.nodes[0].weight = std::string(500, 'w');
  const std::string table = PlanTable(plan);
  EXPECT_THAT(table, HasSubstr("evil\\x1b[2J\\x0aname"));
  EXPECT_THAT(table, Not(HasSubstr(std::string(100, 'w')))) << "long names are cut";
  for (const char c : table) EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20);
}

TEST(PlanTable, NodesWithoutAKnownWeight) {
  PlanReport plan;
  plan.nodes = {Skipped(SkipReason::kNotConstant)};
  plan.nodes[0].weight_type = "";
  plan.nodes[0].weight_shape = {};
  plan.nodes[0].weight_bytes = 0;
  EXPECT_EQ(PlanTable(plan).substr(0, PlanTable(plan).find("\n\n") + 1),
            "OPERATOR  NODE  WEIGHT  SHAPE  BYTES  BECOMES\n"
            "Conv      kept  w                     kept: weight is not constant\n");
}

TEST(SkipTable, GroupsByOperatorAndReason) {
  EXPECT_EQ(SkipTable(Example().plan),
            "  2  Conv  16.4 KB  operator has no INT8 form\n"
            "  1  Conv  8.19 KB  weight's element type is not quantized (float16)\n"
            "  1  Conv  8.19 KB  weight's element type is not quantized (float64)\n");
  EXPECT_EQ(SkipTable({}), "");
}

// However many nodes read it.
TEST(SkipTable, CountsTheBytesOfAWeightOnce) {
  PlanReport plan = Example().plan;
  for (NodeDecision& node : plan.nodes) node.weight_number = 7;
  plan.nodes.push_back(plan.nodes[1]);
  plan.nodes.back().weight_number = 8;
  EXPECT_THAT(SkipTable(plan), HasSubstr("  3  Conv  16.4 KB  operator has no INT8 form\n"));
}

TEST(PlanTable, SaysHowMuchLargerAnOutputIs) {
  RunReport run = Example();
  run.plan.outputs = {{"out.onnx", 11'516, ""}};
  EXPECT_TRUE(Grows(run.plan));
  EXPECT_THAT(PlanTable(run.plan), HasSubstr("growth     15.16 %\n"));
  EXPECT_THAT(Summary(run), HasSubstr("size       10,000 -> 11,516 bytes, 15.16 % larger\n"));
  run.plan.outputs[0].size = 10'000;
  EXPECT_FALSE(Grows(run.plan));
}

TEST(WhyNothing, NamesTheLargestWeightsAndTheReason) {
  PlanReport plan;
  EXPECT_EQ(WhyNothing(plan), "none of its nodes has a constant weight");
  plan.quantized_before = 2;
  EXPECT_EQ(WhyNothing(plan), "2 of its nodes are quantized already");
  plan.nodes = {Skipped(SkipReason::kExcluded, "", "MatMul"), Skipped(SkipReason::kType, "float16"),
                Skipped(SkipReason::kType, "float16")};
  EXPECT_EQ(
      WhyNothing(plan),
      "2 of its nodes are quantized already; the weights of its 2 Conv nodes (16.4 KB) are kept: weight's "
      "element type is not quantized (float16)");
  RunReport run{.plan = plan, .outcome = Outcome::kNothingQuantized, .checksum_file = "", .audit_log = ""};
  EXPECT_EQ(nlohmann::json::parse(RunJson(run))["reason"], WhyNothing(plan));
}

TEST(Advice, SaysWhatStoringWouldMakeOfIt) {
  RunReport run = Example();
  EXPECT_EQ(Advice(run.plan), "");
  run.plan.store_advice = StoreAdvice{{"Conv", "LSTM"}, 1'660'000};
  const std::string line = "advice     --store-int8 Conv,LSTM would make it 1.66 MB (1,660,000 bytes)\n";
  EXPECT_EQ(Advice(run.plan), line);
  EXPECT_THAT(Summary(run), HasSubstr(line));
  EXPECT_THAT(PlanTable(run.plan), HasSubstr(line));
  const auto json = nlohmann::json::parse(RunJson(run));
  EXPECT_EQ(json["store_advice"]["operators"], nlohmann::json({"Conv", "LSTM"}));
  EXPECT_EQ(json["store_advice"]["output_bytes"], 1'660'000);
}

TEST(Summary, OfARunThatWrote) {
  EXPECT_EQ(Summary(Example()),
            "quantized  1 node, 1 weight: 8.19 KB -> 2.18 KB\n"
            "kept       4 weight uses in FP32\n"
            "  2  Conv  16.4 KB  operator has no INT8 form\n"
            "  1  Conv  8.19 KB  weight's element type is not quantized (float16)\n"
            "  1  Conv  8.19 KB  weight's element type is not quantized (float64)\n"
            "size       10,000 -> 2,500 bytes, 75.00 % less\n"
            "wrote      out.onnx, 500 bytes\n"
            "wrote      out.onnx.data, 2,000 bytes\n"
            "checksums  out.onnx.sha256\n"
            "audit log  log.jsonl\n"
            "took       1.23 s, peak memory 128 MB\n");
}

TEST(Summary, OfARunThatOnlyPlanned) {
  RunReport run = Example();
  run.outcome = Outcome::kPlanned;
  EXPECT_THAT(Summary(run), Not(HasSubstr("wrote")));
  EXPECT_THAT(Summary(run), Not(HasSubstr("checksums")));
  EXPECT_THAT(Summary(run), HasSubstr("75.00 % less"));
  run.plan.nodes = {Quantized("m"), Quantized("n")};
  run.plan.quantized_nodes = 2;
  EXPECT_THAT(Summary(run), HasSubstr("2 nodes, 1 weight:"));
  EXPECT_THAT(Summary(run), Not(HasSubstr("kept")));
}

TEST(RunJson, HoldsEverything) {
  const auto json = nlohmann::json::parse(RunJson(Example()));
  EXPECT_EQ(json["outcome"], "done");
  EXPECT_EQ(json["inputs"][1]["path"], "in.data");
  EXPECT_EQ(json["inputs"][1]["bytes"], 9000);
  EXPECT_EQ(json["outputs"][0]["sha256"], std::string(64, 'c'));
  EXPECT_EQ(json["quantized_nodes"], 1);
  EXPECT_EQ(json["quantized_before"], 0);
  EXPECT_EQ(json["quantized_weights"], 1);
  EXPECT_EQ(json["weight_bytes_before"], 8192);
  EXPECT_EQ(json["weight_bytes_after"], 2176);
  EXPECT_EQ(json["input_bytes"], 10000);
  EXPECT_EQ(json["output_bytes"], 2500);
  EXPECT_EQ(json["seconds"], 1.234);
  EXPECT_EQ(json["peak_memory_bytes"], 128'000'000);
  ASSERT_EQ(json["nodes"].size(), 5U);
  EXPECT_EQ(json["nodes"][0], nlohmann::json::parse(R"({"node": "m", "op_type": "MatMul", "weight": "w",
      "weight_type": "float32", "weight_shape": [64, 32], "weight_bytes": 8192, "quantized": true,
      "quantized_bytes": 2176, "stored_only": false, "also_kept": false})"));
  EXPECT_EQ(json["nodes"][3]["quantized"], false);
  EXPECT_EQ(json["nodes"][3]["reason"], "type");
  EXPECT_EQ(json["nodes"][3]["detail"], "float16");
  EXPECT_FALSE(json["nodes"][1].contains("detail"));
  EXPECT_FALSE(json["nodes"][1].contains("quantized_bytes"));
}

TEST(RunJson, Outcomes) {
  RunReport run;
  const auto outcome = [&run](Outcome value) {
    run.outcome = value;
    return nlohmann::json::parse(RunJson(run))["outcome"].get<std::string>();
  };
  EXPECT_EQ(outcome(Outcome::kDone), "done");
  EXPECT_EQ(outcome(Outcome::kPlanned), "planned");
  EXPECT_EQ(outcome(Outcome::kNothingQuantized), "nothing-quantized");
  EXPECT_EQ(RunJson(run).back(), '\n');
}

TEST(RunJson, NamesThatAreNoUtf8) {
  RunReport run;
  run.plan.nodes = {Quantized("caf\xe9")};
  run.plan.inputs = {{"in\xff.onnx", 1, ""}};
  const auto json = nlohmann::json::parse(RunJson(run));
  EXPECT_EQ(json["nodes"][0]["node"], "caf\uFFFD");
  EXPECT_FALSE(json["inputs"][0].contains("sha256"));
}

}  // namespace
}  // namespace qi8
