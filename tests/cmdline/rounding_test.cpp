// --rounding learned of the main command, and what verify makes of it, on the real ONNX Runtime.

#include <nlohmann/json.hpp>
#include <random>

#include "cmdline/quantize_fixture.hpp"
#include "support/npz_builder.hpp"
#include "support/onnx_runtime.hpp"

namespace qi8::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// One scale for each row leaves little of the noise to the activations, so that what is seen is that of
// codes.
const std::vector<std::string> kLearned = {"--form", "residual", "--rounding", "learned", "--inputs"};

class RoundingTest : public QuantizeTest {
 protected:
  RoundingTest() {
    fs::create_directory(folder_ / "tmp");
    WriteTinyModel();
    WriteCodes("learn.npz", 40, 1);
    WriteCodes("other.npz", 12, 2);
  }

  // Codes [batch, 48] from 0 to `most`.
  void WriteCodes(const std::string& name, std::size_t batch, unsigned seed, std::int64_t most = 255) const {
    std::mt19937 random(seed);
    std::uniform_int_distribution<std::int64_t> code(0, most);
    std::vector<std::int64_t> codes(batch * 48);
    for (std::int64_t& one : codes) one = code(random);
    const std::string shape = "(" + std::to_string(batch) + ", 48)";
    WriteFile(folder_ / name, ZipFile({{.name = "codes.npy", .bytes = NpyFile("<i8", shape, codes)}}));
  }

  [[nodiscard]] ProgramResult Call(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--onnxruntime", QI8_TEST_ONNXRUNTIME});
    return RunQuantizeInt8(
        arguments, {.folder = folder_.path(), .environment = {"TMPDIR=" + (folder_ / "tmp").native()}});
  }
  [[nodiscard]] ProgramResult Learn(const std::string& inputs, std::vector<std::string> options = {}) const {
    options.insert(options.begin(), {"in/m.onnx", "out/q.onnx"});
    options.insert(options.end(), kLearned.begin(), kLearned.end());
    options.push_back(inputs);
    return Call(options);
  }
  [[nodiscard]] ProgramResult Verify(std::vector<std::string> options = {}) const {
    options.insert(options.begin(), {"verify", "out/q.onnx", "--against", "in/m.onnx"});
    return Call(options);
  }

  [[nodiscard]] fs::path Data() const { return folder_ / "out" / "q.onnx.data"; }

  // SQNR of out/q.onnx over codes that nothing was learned from.
  [[nodiscard]] double Sqnr() const {
    const ProgramResult result = Call({"compare", "in/m.onnx", "out/q.onnx", "--runs", "1", "--loads", "1",
                                       "--json", "--inputs", "other.npz"});
    EXPECT_EQ(result.status, 0) << result.err;
    return json::parse(result.out)["cases"][0]["outputs"][0]["sqnr_db"].get<double>();
  }
};

// A product that is given rows which have much to do with each other, as those of trained models have.
TEST_F(RoundingTest, LearnedCodesAreBetterAtTheSameSize) {
  ModelBuilder builder;
  builder.Input("x", {4, 64}).Output("y", {4, 32}).Initializer("w", {64, 32}, RandomValues(64 * 32));
  builder.Node("MatMul", {"x", "w"}, {"y"}, "matmul");
  builder.Save(input());
  const auto write_rows = [&](const std::string& name, unsigned seed) {
    constexpr std::size_t kRows = 160, kWidth = 64, kRank = 8;
    const auto causes = RandomValues(kRows * kRank, seed);
    const auto effects = RandomValues(kRank * kWidth, 99);
    std::vector<float> rows(kRows * kWidth);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      for (std::size_t r = 0; r < kRank; ++r) {
        rows[i] += causes[i / kWidth * kRank + r] * effects[r * kWidth + i % kWidth];
      }
    }
    WriteFile(folder_ / name, ZipFile({{.name = "x.npy", .bytes = NpyFile("<f4", "(160, 64)", rows)}}));
  };
  write_rows("learn.npz", 1);
  write_rows("other.npz", 2);
  // Products by uint8 weights are exact on every processor.
  const std::vector<std::string> exact = {"--weight-type", "uint8"};
  ASSERT_EQ(Call({"in/m.onnx", "out/q.onnx", "--form", "residual", "-q", exact[0], exact[1]}).status, 0);
  const double nearest = Sqnr();
  const std::string codes = ReadFile(Data());
  const ProgramResult learned = Learn("learn.npz", {"--force", exact[0], exact[1]});
  ASSERT_EQ(learned.status, 0) << learned.err;
  EXPECT_THAT(learned.err, HasSubstr("rounding   learned for 1 of 1 weight of products, from 30 cases"));
  EXPECT_GT(Sqnr(), nearest + 5);
  EXPECT_EQ(ReadFile(Data()).size(), codes.size());
  EXPECT_NE(ReadFile(Data()), codes);
  EXPECT_TRUE(fs::is_empty(folder_ / "tmp")) << "what is temporary is gone";
  const std::string log = ReadFile(folder_ / "out" / "quantization_log.jsonl");
  const auto record = json::parse(log.substr(log.find('\n') + 1));
  EXPECT_EQ(record["options"]["rounding"], "learned");
  EXPECT_EQ(record["rounding"]["learned_weights"], 1);
}

TEST_F(RoundingTest, IsVerifiedWithTheInputsAndWithout) {
  ASSERT_EQ(Learn("learn.npz", {"-q"}).status, 0);
  const ProgramResult with = Verify({"--inputs", "learn.npz"});
  EXPECT_EQ(with.status, 0) << with.out << with.err;
  EXPECT_THAT(with.out, Not(HasSubstr("were not made again")));

  const ProgramResult without = Verify();
  EXPECT_EQ(without.status, 0) << without.out;
  EXPECT_THAT(without.out, HasSubstr("codes of learned rounding were not made again"));

  const ProgramResult others = Verify({"--inputs", "other.npz"});
  EXPECT_EQ(others.status, 4);
  EXPECT_THAT(others.out, HasSubstr("the rounding was learned from other inputs"));
}

TEST_F(RoundingTest, ACodeFarFromItsNumberIsFoundWithoutTheInputs) {
  ASSERT_EQ(Learn("learn.npz", {"-q"}).status, 0);
  std::string data = ReadFile(Data());
  data[100] = static_cast<char>(data[100] ^ 0x40);  // 64 codes away
  WriteFile(Data(), data);
  const ProgramResult result = Verify({"--no-checksums"});
  EXPECT_EQ(result.status, 4);
  EXPECT_THAT(result.out, HasSubstr("FAILS  tensors"));
}

TEST_F(RoundingTest, ThreadsChangeNothing) {
  ASSERT_EQ(Learn("learn.npz", {"-q", "--threads", "1"}).status, 0);
  const std::string data = ReadFile(Data());
  const std::string model = ReadFile(output());
  ASSERT_EQ(Learn("learn.npz", {"-q", "--threads", "3", "--force"}).status, 0);
  EXPECT_EQ(ReadFile(Data()), data);
  EXPECT_EQ(ReadFile(output()), model);
}

// The instruction set that the program's own kernels use, that is: ONNX Runtime's results are those of the
// processor.
TEST_F(RoundingTest, InstructionSetsOfTheKernelsChangeNothing) {
  ASSERT_EQ(Learn("learn.npz", {"-q"}).status, 0);
  const std::string bytes = ReadFile(output()) + ReadFile(Data());
  ASSERT_EQ(Learn("learn.npz", {"-q", "--isa", "scalar", "--force"}).status, 0);
  EXPECT_EQ(ReadFile(output()) + ReadFile(Data()), bytes);
}

TEST_F(RoundingTest, ADryRunTellsTheExactSizeAndNeedsNoInputs) {
  const ProgramResult planned =
      Call({"in/m.onnx", "out/q.onnx", "--form", "residual", "--rounding", "learned", "--dry-run", "--json"});
  ASSERT_EQ(planned.status, 0) << planned.err;
  ASSERT_EQ(Learn("learn.npz", {"-q"}).status, 0);
  EXPECT_EQ(json::parse(planned.out)["outputs"][0]["bytes"], fs::file_size(output()));
}

// What one batch of few codes teaches is wrong for all codes, and what judges shows it.
TEST_F(RoundingTest, WhatDoesNotHelpOtherInputsIsTakenBack) {
  fs::create_directory(folder_ / "cases");
  for (unsigned i = 0; i < 8; ++i) {
    const bool judges = i % 4 == 3;
    WriteCodes("cases/c" + std::to_string(i) + ".npz", 1, i, judges ? 255 : 2);
  }
  ASSERT_EQ(Call({"in/m.onnx", "out/q.onnx", "--form", "residual", "-q"}).status, 0);
  const double nearest = Sqnr();
  const ProgramResult learned = Learn("cases", {"--force"});
  ASSERT_EQ(learned.status, 0) << learned.err;
  EXPECT_THAT(learned.err, HasSubstr("the nearest codes: "));
  EXPECT_GT(Sqnr(), nearest - 0.1);
}

TEST_F(RoundingTest, SaysWhatHasTooFewRows) {
  WriteCodes("few.npz", 4, 3);  // 3 x 48 rows to learn from, and a weight of 192
  const ProgramResult result = Learn("few.npz");
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("keep the nearest codes: learning needs at least as many rows as the "
                                    "weight has, 192, and the inputs give 144"));
}

TEST_F(RoundingTest, WithAGoalItIsTheDefault) {
  const std::vector<std::string> tuned = {"in/m.onnx", "out/q.onnx", "--max-size", "400kB",
                                          "--inputs",  "learn.npz",  "--json",     "--force"};
  const ProgramResult learned = Call(tuned);
  ASSERT_EQ(learned.status, 0) << learned.err;
  EXPECT_FALSE(json::parse(learned.out)["rounding"]["weights"].empty());
  const ProgramResult verified = Verify({"--inputs", "learn.npz"});
  EXPECT_EQ(verified.status, 0) << "what is written is what verify learns again\n" << verified.out;
  std::vector<std::string> nearest = tuned;
  nearest.insert(nearest.end(), {"--rounding", "nearest"});
  const ProgramResult plain = Call(nearest);
  ASSERT_EQ(plain.status, 0) << plain.err;
  EXPECT_FALSE(json::parse(plain.out).contains("rounding"));
}

TEST_F(RoundingTest, APlanWithLearnedRoundingNamesItsInputs) {
  const ProgramResult tuned = Call({"tune", "in/m.onnx", "out/plan.toml", "--max-size", "400kB", "--rounding",
                                    "learned", "--inputs", "learn.npz", "-q"});
  ASSERT_EQ(tuned.status, 0) << tuned.err;
  EXPECT_THAT(ReadFile(folder_ / "out" / "plan.toml"),
              HasSubstr("\nrounding = \"learned\"\ninputs = \"learn.npz\"\n"));
  const ProgramResult quantized = Call({"in/m.onnx", "out/q.onnx", "--config", "out/plan.toml", "-q"});
  EXPECT_EQ(quantized.status, 0) << quantized.err;
  EXPECT_EQ(Verify({"--inputs", "learn.npz", "-q"}).status, 0);
}

TEST_F(RoundingTest, IsRefusedWhereItCannotBeLearned) {
  const auto refused = [&](const std::vector<std::string>& options, const std::string& why) {
    std::vector<std::string> arguments = {"in/m.onnx", "out/q.onnx", "--rounding", "learned"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const ProgramResult result = Call(arguments);
    EXPECT_EQ(result.status, 2) << result.err;
    EXPECT_THAT(result.err, HasSubstr(why));
    EXPECT_THAT(Written(), IsEmpty());
  };
  refused({}, "--rounding learned needs --inputs: what is learned from inputs that are made up");
  WriteCodes("three.npz", 3, 3);
  refused({"--inputs", "three.npz"}, "needs at least 4 cases, or a batch of 4");
  refused({"--inputs", "learn.npz", "--optimize", "basic"}, "write the optimized model first");
}

}  // namespace
}  // namespace qi8::testing
