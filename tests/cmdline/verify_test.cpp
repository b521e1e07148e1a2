// quantize-int8 verify MODEL [--against MODEL]
#include <nlohmann/json.hpp>

#include "cmdline/quantize_fixture.hpp"

namespace qi8::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class VerifyCommandTest : public QuantizeTest {
 protected:
  void QuantizeTiny() {
    WriteTinyModel();
    ASSERT_EQ(Quantize().status, 0);
  }
};

TEST_F(VerifyCommandTest, PrintsALineForEachCheck) {
  QuantizeTiny();
  const ProgramResult plain = Run({"verify", "out/q.onnx"});
  EXPECT_EQ(plain.status, 0) << plain.err;
  EXPECT_EQ(plain.err, "");
  EXPECT_THAT(plain.out, StartsWith("holds  checksums  2 files of 'out/q.onnx.sha256'\n"));
  EXPECT_EQ(std::count(plain.out.begin(), plain.out.end(), '\n'), 6);
  const ProgramResult against = Run({"verify", "out/q.onnx", "--against", "in/m.onnx", "--json"});
  EXPECT_EQ(against.status, 0) << against.err;
  const auto json = nlohmann::json::parse(against.out);
  EXPECT_EQ(json["holds"], true);
  EXPECT_EQ(json["checks"].size(), 9U);
  EXPECT_EQ(json["weights"].size(), 16U);
}

TEST_F(VerifyCommandTest, StatusIsFourWhereSomethingDoesNotHold) {
  QuantizeTiny();
  std::string data = ReadFile(folder_ / "out" / "q.onnx.data");
  data[1000] ^= 4;
  WriteFile(folder_ / "out" / "q.onnx.data", data);
  const ProgramResult plain = Run({"verify", "out/q.onnx"});
  EXPECT_EQ(plain.status, 4);
  EXPECT_THAT(plain.out, StartsWith("FAILS  checksums"));
  const ProgramResult against = Run({"verify", "out/q.onnx", "--against", "in/m.onnx", "--no-checksums"});
  EXPECT_EQ(against.status, 4);
  EXPECT_THAT(against.out, HasSubstr("differs from its byte"));
}

TEST_F(VerifyCommandTest, StatusIsOneWhereSomethingCannotBeRead) {
  WriteTinyModel();
  EXPECT_EQ(Run({"verify", "out/q.onnx", "--no-checksums"}).status, 1);
  ASSERT_EQ(Quantize().status, 0);
  std::filesystem::remove(folder_ / "out" / "q.onnx.sha256");
  EXPECT_EQ(Run({"verify", "out/q.onnx"}).status, 1);
  EXPECT_EQ(Run({"verify", "out/q.onnx", "--no-checksums"}).status, 0);
}

TEST_F(VerifyCommandTest, WrongUsageIsTwo) {
  EXPECT_EQ(Run({"verify"}).status, 2);
  EXPECT_EQ(Run({"verify", "out/q.onnx", "--no-checksums", "--checksums", "x"}).status, 2);
  EXPECT_EQ(Run({"verify", "out/q.onnx", "--memory-budget", "1KiB"}).status, 2);
}

#if !defined(QI8_TEST_OVERHEAD)  // sanitizers, emulators and counters take memory of their own

// Of a model that takes many times as much.
TEST_F(VerifyCommandTest, MemoryIsBounded) {
  constexpr models::AudioCoreSize kSize{
      .blocks = 3, .width = 1024, .heads = 8, .feed_forward = 4096, .codes = 8192};
  models::write_audio_core(input(), {.size = kSize});
  ASSERT_GT(std::filesystem::file_size(folder_ / "in" / "m.onnx.data"), 240'000'000U);
  ASSERT_EQ(Quantize().status, 0);
  const ProgramResult result =
      Run({"verify", "out/q.onnx", "--against", "in/m.onnx", "--json", "--threads", "2"});
  ASSERT_EQ(result.status, 0) << result.out;
  EXPECT_LT(nlohmann::json::parse(result.out)["peak_memory_bytes"], 128 << 20);
}

#endif

}  // namespace
}  // namespace qi8::testing
