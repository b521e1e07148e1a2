// A whole run on a file system in memory.
#include "app/quantize.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "hash/sha256.hpp"
#include "support/memory_file_system.hpp"
#include "support/model_builder.hpp"

namespace qi8 {
namespace {

using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::UnorderedElementsAre;

[[nodiscard]] std::string OneMatMul() {
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

// Mostly a convolution, and one weight of it has a NaN, so that it will stay as it is.
[[nodiscard]] std::string MostlyConvolutions(bool with_product) {
  testing::ModelBuilder builder;
  builder.Input("image", {1, 16, 8, 8}).Input("x", {2, 64}).Output("c", {}).Output("d", {}).Output("y", {});
  auto damaged = testing::RandomValues(16 * 16 * 9);
  damaged[3] = NAN;
  builder.Initializer("kernel", {64, 16, 3, 3}, testing::RandomValues(64 * 16 * 9));
  builder.Initializer("damaged", {16, 16, 3, 3}, damaged);
  builder.Node("Conv", {"image", "kernel"}, {"c"}, "conv");
  builder.Node("ConvTranspose", {"image", "damaged"}, {"d"}, "transposed");
  if (with_product) {
    builder.Initializer("w", {64, 32}, testing::RandomValues(64 * 32));
    builder.Node("MatMul", {"x", "w"}, {"y"}, "matmul");
  } else {
    builder.Node("Identity", {"x"}, {"y"}, "same");
  }
  return builder.model().SerializeAsString();
}

// What it says is what comes out, to the byte.
TEST(QuantizeAdvice, OfStoringIsExact) {
  for (const bool with_product : {true, false}) {
    for (const bool dry_run : {true, false}) {
      testing::MemoryFileSystem files;
      files.Add("m.onnx", MostlyConvolutions(with_product));
      QuantizeOptions options;
      options.input = "m.onnx";
      options.output = "q.onnx";
      options.dry_run = dry_run;
      Observer observer;
      const auto advice = Quantize(files, options, observer).plan.store_advice;
      ASSERT_TRUE(advice);
      EXPECT_THAT(advice->operators, ::testing::ElementsAre("Conv", "ConvTranspose"));

      options.selection.store_int8 = advice->operators;
      options.dry_run = false;
      options.replace_output = true;
      const RunReport taken = Quantize(files, options, observer);
      EXPECT_EQ(taken.outcome, Outcome::kDone);
      EXPECT_EQ(taken.plan.output_bytes(), advice->output_bytes);
      EXPECT_FALSE(taken.plan.store_advice) << "it was taken";
    }
  }
}

TEST(QuantizeAdvice, IsNotGivenWhereItDoesNotApply) {
  testing::MemoryFileSystem files;
  files.Add("m.onnx", OneMatMul());
  QuantizeOptions options;
  options.input = "m.onnx";
  options.output = "q.onnx";
  Observer observer;
  EXPECT_FALSE(Quantize(files, options, observer).plan.store_advice);
}

// Other programs look for the data under names of their own.
TEST(QuantizeOnAFileSystem, GivesTheDataFileTheNameThatIsAskedFor) {
  testing::MemoryFileSystem files;
  files.Add("m.onnx", OneMatMul());
  QuantizeOptions options;
  options.input = "m.onnx";
  options.output = "q.onnx";
  options.data_file = "q.onnx_data";
  Observer observer;
  const RunReport report = Quantize(files, options, observer);
  ASSERT_EQ(report.plan.outputs.size(), 2U);
  EXPECT_EQ(report.plan.outputs[1].path, "q.onnx_data");
  auto listing = files.Listing();
  EXPECT_TRUE(listing.contains("q.onnx_data"));
  EXPECT_FALSE(listing.contains("q.onnx.data"));
  EXPECT_THAT(listing["q.onnx.sha256"], HasSubstr("  q.onnx_data\n"));
  EXPECT_EQ(Model::Load(files, "q.onnx").files()[1].location, "q.onnx_data");

  options.replace_output = true;
  EXPECT_EQ(Quantize(files, options, observer).outcome, Outcome::kDone);
}

TEST(QuantizeOnAFileSystem, RefusesNamesOfDataFilesThatAreNone) {
  testing::MemoryFileSystem files;
  files.Add("m.onnx", OneMatMul());
  const auto before = files.Listing();
  QuantizeOptions options;
  options.input = "m.onnx";
  options.output = "q.onnx";
  Observer observer;
  const std::string names[] = {"", ".", "..", "a/b", "/a", ".q.onnx.qi8", std::string("a\0b", 3)};
  for (const std::string& name : names) {
    options.data_file = name;
    EXPECT_THAT([&] { static_cast<void>(Quantize(files, options, observer)); },
                ::testing::ThrowsMessage<Error>(HasSubstr("is not the name of a file beside the output")));
  }
  for (const char* taken : {"q.onnx", "m.onnx", "q.onnx.sha256", "quantization_log.jsonl"}) {
    options.data_file = taken;
    EXPECT_THROW(static_cast<void>(Quantize(files, options, observer)), Error) << taken;
  }
  EXPECT_TRUE(files.Listing() == before);
}

class Warnings final : public Observer {
 public:
  void OnWarning(const std::string& warning) override { text += warning + "\n"; }
  std::string text;
};

TEST(QuantizeGrowth, IsWarnedOf) {
  testing::ModelBuilder builder;
  builder.Input("x", {2, 8}).Output("y", {2, 8}).Initializer("w", {8, 8}, testing::RandomValues(64));
  builder.Node("MatMul", {"x", "w"}, {"y"}, "matmul");
  testing::MemoryFileSystem files;
  files.Add("m.onnx", builder.model().SerializeAsString());
  QuantizeOptions options;
  options.input = "m.onnx";
  options.output = "q.onnx";
  options.selection.allow_growth = true;
  Warnings observer;
  EXPECT_EQ(Quantize(files, options, observer).outcome, Outcome::kDone);
  EXPECT_THAT(observer.text, HasSubstr("the output is larger than the input"));
}

}  // namespace
}  // namespace qi8
