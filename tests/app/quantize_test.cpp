// A whole run on a file system in memory.
#include "app/quantize.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hash/sha256.hpp"
#include "support/memory_file_system.hpp"
#include "support/model_builder.hpp"

namespace qi8 {
namespace {

using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::UnorderedElementsAre;

std::string OneMatMul() {
  testing::ModelBuilder builder;
  builder.Input("x", {2, 64}).Output("y", {2, 32}).Initializer("w", {64, 32}, testing::RandomValues(64 * 32));
  builder.Node("MatMul", {"x", "w"}, {"y"}, "matmul");
  return builder.model().SerializeAsString();
}

TEST(QuantizeOnAFileSystem, WritesThereAndNowhereElse) {
  testing::MemoryFileSystem files;
  files.Add("in/m.onnx", OneMatMul());
  files.AddFolder("out");
  QuantizeOptions options;
  options.input = "in/m.onnx";
  options.output = "out/q.onnx";
  Observer observer;
  const RunReport report = Quantize(files, options, observer);

  EXPECT_EQ(report.outcome, Outcome::kDone);
  auto listing = files.Listing();
  EXPECT_THAT(listing, UnorderedElementsAre(Key("in"), Key("in/m.onnx"), Key("out"), Key("out/q.onnx"),
                                            Key("out/q.onnx.data"), Key("out/q.onnx.sha256"),
                                            Key("out/quantization_log.jsonl")));
  EXPECT_EQ(listing["in/m.onnx"], OneMatMul());
  EXPECT_EQ(listing["out/q.onnx.sha256"], Sha256::HexOf(listing["out/q.onnx"]) + "  q.onnx\n" +
                                              Sha256::HexOf(listing["out/q.onnx.data"]) + "  q.onnx.data\n");
  EXPECT_THAT(listing["out/quantization_log.jsonl"], HasSubstr("\"status\":\"done\""));
}

}  // namespace
}  // namespace qi8
