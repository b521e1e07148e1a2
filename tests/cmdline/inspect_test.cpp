// quantize-int8 inspect MODEL
#include <nlohmann/json.hpp>

#include "cmdline/quantize_fixture.hpp"
#include "support/golden.hpp"

namespace qi8::testing {
namespace {

using ::testing::HasSubstr;

class InspectCommandTest : public QuantizeTest {};

TEST_F(InspectCommandTest, GoldenModelAndWhatBecomesOfIt) {
  WriteTinyModel();
  const ProgramResult result = Run({"inspect", "in/m.onnx", "--top", "4"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.err, "");
  ExpectGolden("cmdline/inspect.txt", result.out);
}

TEST_F(InspectCommandTest, ReadsWeightsWhereAsked) {
  WriteTinyModel();
  const ProgramResult result = Run({"inspect", "in/m.onnx", "--weights", "--json", "--asymmetric"});
  EXPECT_EQ(result.status, 0) << result.err;
  const auto json = nlohmann::json::parse(result.out);
  for (const auto& weight : json["weights"]) {
    EXPECT_TRUE(weight.contains("statistics"));
    EXPECT_EQ(weight["quantized"].get<bool>(), weight["statistics"].contains("sqnr_db"));
  }
}

TEST_F(InspectCommandTest, TakesTheOptionsOfQuantizing) {
  WriteTinyModel();
  const ProgramResult result = Run({"inspect", "in/m.onnx", "--ops", "Gather", "--json"});
  EXPECT_EQ(nlohmann::json::parse(result.out)["plan"]["quantized_nodes"], 1);
  EXPECT_EQ(Run({"inspect", "in/m.onnx", "--exclude", "nothing like it"}).status, 2);
}

TEST_F(InspectCommandTest, WhatIsNoModelCannotBeRead) {
  EXPECT_EQ(Run({"inspect", "in/none.onnx"}).status, 1);
  WriteFile(folder_ / "in" / "m.onnx", "no model");
  const ProgramResult result = Run({"inspect", "in/m.onnx"});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr("in/m.onnx"));
}

}  // namespace
}  // namespace qi8::testing
