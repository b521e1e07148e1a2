// Whole verifications: what holds, and that nothing that was changed does.
#include "qi8/verify.hpp"

#include <nlohmann/json.hpp>
#include <random>

#include "hash/sha256.hpp"
#include "support/stride.hpp"
#include "verify/verify_fixture.hpp"
#include "verify/verify_text.hpp"

namespace qi8::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

class VerifyTest : public VerifyFixture {};

template <typename Action>
[[nodiscard]] std::string ErrorOf(const Action& action, ErrorKind kind = ErrorKind::kFailure) {
  try {
    static_cast<void>(action());
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind);
    return error.what();
  }
  return "no error";
}

[[nodiscard]] std::vector<std::string> NamesOf(const VerifyReport& report) {
  std::vector<std::string> names;
  for (const Check& check : report.checks) names.push_back(check.name);
  return names;
}

TEST_F(VerifyTest, WhatWasWrittenHolds) {
  QuantizeTiny();
  const VerifyReport report = Run(Plain());
  EXPECT_TRUE(report.holds());
  EXPECT_THAT(NamesOf(report), ElementsAre("checksums", "loads", "names", "order", "weights", "origin"));
  for (const Check& check : report.checks) EXPECT_EQ(check.outcome, CheckOutcome::kHolds) << check.name;
  EXPECT_THAT(report.weights, IsEmpty());
}

TEST_F(VerifyTest, WhatWasWrittenFollowsFromItsSource) {
  QuantizeTiny();
  VerifyOptions options = Against();
  options.use_checksums = true;
  const VerifyReport report = Run(options);
  EXPECT_TRUE(report.holds());
  EXPECT_THAT(NamesOf(report), ElementsAre("checksums", "loads", "names", "order", "weights", "origin",
                                           "source", "tensors", "graph"));
  for (const Check& check : report.checks) EXPECT_EQ(check.outcome, CheckOutcome::kHolds) << check.name;
  EXPECT_EQ(report.checks.at(6).detail, "SHA-256 of 2 files: match");
  EXPECT_THAT(report.checks.at(7).detail, HasSubstr("16 weights, "));
  EXPECT_THAT(report.checks.at(8).detail, HasSubstr(" bytes: match"));
  ASSERT_EQ(report.weights.size(), 16U);
  for (const WeightError& weight : report.weights) {
    EXPECT_GT(weight.sqnr_db, 35) << weight.weight;
    EXPECT_LT(weight.sqnr_db, 60) << weight.weight;
    EXPECT_GT(weight.largest_error, 0) << weight.weight;
    EXPECT_EQ(weight.shape.size(), 2U) << weight.weight;
  }
}

// However it was written.
class VerifyOptionsTest : public VerifyFixture, public ::testing::WithParamInterface<int> {};

TEST_P(VerifyOptionsTest, Hold) {
  QuantizeOptions options;
  Selection& selection = options.selection;
  switch (GetParam()) {
    case 0:
      selection.scheme.symmetric = false;
      break;
    case 1:
      selection.scheme = {.type = WeightType::kUint8, .symmetric = true, .reduce_range = true};
      break;
    case 2:
      selection.granularity = Granularity::kTensor;
      break;
    case 3:
      options.external_data = ExternalData::kNever;
      break;
    case 4:
      options.external_data = ExternalData::kAuto;
      selection.exclude = {"q"};
      break;
    case 5:
      options.hash_inputs = false;
      break;
    case 6:
      selection.matmul_const_b_only = false;
      options.keep_non_finite = false;
      break;
    default:
      selection.min_elements = 1'000'000;
      options.allow_empty = true;
      break;
  }
  QuantizeTiny(options);
  EXPECT_THAT(Failing(Plain()), IsEmpty());
  EXPECT_THAT(Failing(Against()), IsEmpty());
}

// What the run found by trying, verifying finds so too. A weight that is not to be quantized may have what it
// likes.
TEST_F(VerifyTest, LeavesWeightsThatAreNotFiniteAloneAsTheRunDid) {
  ModelBuilder builder;
  auto padded = RandomValues(64 * 16);
  padded[5] = -HUGE_VALF;
  builder.Input("x", {2, 16}).Output("y", {2, 16}).Output("e", {3, 16});
  builder.Input("i", {3}, onnx::TensorProto::INT64);
  builder.Initializer("w", {16, 16}, RandomValues(256)).Initializer("table", {64, 16}, padded);
  builder.Node("MatMul", {"x", "w"}, {"y"}, "product");
  builder.Node("Gather", {"table", "i"}, {"e"}, "embed");
  builder.Save(source());
  QuantizeSource();
  const VerifyReport report = Run(Against());
  EXPECT_THAT(Failing(report), IsEmpty());
  ASSERT_EQ(report.weights.size(), 1U);
  EXPECT_EQ(report.weights[0].weight, "w");
}

INSTANTIATE_TEST_SUITE_P(Each, VerifyOptionsTest, ::testing::Range(0, 8));

// Takes the names of all nodes away.
class Anonymizer final : public Optimizer {
 public:
  std::string Name() override { return name; }
  void Optimize(const fs::path& input, bool, Optimization, const fs::path& output) override {
    onnx::ModelProto model = ParseModel(input);
    for (auto& node : *model.mutable_graph()->mutable_node()) node.clear_name();
    WriteFile(output, model.SerializeAsString());
    fs::copy_file(input.native() + ".data", output.parent_path() / "m.onnx.data");
  }

  std::string name = "Anonymizer 1.0";
};

TEST_F(VerifyTest, AnOptimizedSourceIsOptimizedAgain) {
  for (const bool hash_inputs : {true, false}) {
    Anonymizer optimizer;
    QuantizeOptions options;
    options.optimize = Optimization::kBasic;
    options.hash_inputs = hash_inputs;
    QuantizeTiny(options, &optimizer);
    const auto before = folder_.Listing();
    EXPECT_THAT(Failing(Plain()), IsEmpty());
    EXPECT_THAT(Failing(Run(Against(), &optimizer)), IsEmpty());
    EXPECT_TRUE(folder_.Listing() == before) << "something is left, or was changed";

    optimizer.name = "Anonymizer 2.0";
    EXPECT_THAT(ErrorOf([&] { return Run(Against(), &optimizer); }),
                AllOf(HasSubstr("optimized by Anonymizer 1.0"), HasSubstr("found here is Anonymizer 2.0")));
    EXPECT_THAT(ErrorOf([&] { return Run(Against()); }, ErrorKind::kUsage),
                HasSubstr("no optimizer is available"));
  }
}

TEST_F(VerifyTest, AnOptimizedSourceMustBeTheSame) {
  Anonymizer optimizer;
  QuantizeOptions options;
  options.optimize = Optimization::kBasic;
  QuantizeTiny(options, &optimizer);
  std::string data = ReadFile(folder_ / "m.onnx.data");
  data[data.size() / 2] = static_cast<char>(data[data.size() / 2] ^ 0x10);
  WriteFile(folder_ / "m.onnx.data", data);
  EXPECT_THAT(Failing(Run(Against(), &optimizer)), Contains("source"));
}

// Of any form that weights take in a graph; all are recognized.
TEST_F(VerifyTest, EveryFormOfWeightHolds) {
  ModelBuilder builder;
  builder.Input("x", {2, 16}).Input("image", {1, 4, 8, 8}).Input("i", {3}, onnx::TensorProto::INT64);
  builder.Input("sequence", {5, 1, 16});
  builder.Initializer("w", {16, 32}, RandomValues(512)).Initializer("batch", {3, 16, 32}, RandomValues(1536));
  builder.Initializer("g", {32, 16}, RandomValues(512)).Initializer("bias", {32}, RandomValues(32));
  builder.Initializer("table", {64, 16}, RandomValues(1024));
  builder.Initializer("kernel", {8, 4, 3, 3}, RandomValues(288));
  builder.Initializer("lw", {1, 64, 16}, RandomValues(1024))
      .Initializer("lr", {1, 64, 16}, RandomValues(1024));
  builder.Initializer("gru_w", {1, 48, 16}, RandomValues(768))
      .Initializer("gru_r", {1, 48, 16}, RandomValues(768));
  builder.Node("MatMul", {"x", "w"}, {"y0"});
  builder.Node("MatMul", {"x", "batch"}, {"y1"});
  auto& gemm = builder.Node("Gemm", {"x", "g", "bias"}, {"y2"});
  SetInt(gemm, "transB", 1);
  SetFloat(gemm, "alpha", -0.5F);
  builder.Node("Gather", {"table", "i"}, {"y3"});
  builder.Node("Conv", {"image", "kernel"}, {"y4"});
  SetInt(builder.Node("LSTM", {"sequence", "lw", "lr"}, {"y5"}), "hidden_size", 16);
  SetInt(builder.Node("GRU", {"sequence", "gru_w", "gru_r"}, {"y6"}), "hidden_size", 16);
  for (const char* output : {"y0", "y1", "y2", "y3", "y4", "y5", "y6"}) builder.Output(output, {});
  builder.Save(source());
  for (const bool symmetric : {true, false}) {
    QuantizeOptions options;
    options.selection.ops = {"all"};
    options.selection.store_int8 = {"GRU"};
    options.selection.scheme.symmetric = symmetric;
    QuantizeSource(options);
    const VerifyReport report = Run(Against());
    EXPECT_THAT(Failing(report), IsEmpty()) << VerifyTable(report);
    const auto weights = std::ranges::find(report.checks, "weights", &Check::name);
    EXPECT_THAT(weights->detail, HasSubstr("9 INT8 weights"));
    EXPECT_EQ(report.weights.size(), 9U);
  }
}

// ---- Single bits

struct Flip {
  std::string file;
  std::uint64_t bit;
};

class VerifyFlipsTest : public VerifyFixture {
 protected:
  // In turn in each of the files, at random.
  [[nodiscard]] std::vector<Flip> RandomFlips(const std::vector<std::string>& files,
                                              std::size_t count) const {
    std::mt19937_64 generator(20261124);
    std::vector<Flip> flips;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string& file = files[i % files.size()];
      flips.push_back({file, generator() % (8 * fs::file_size(folder_ / file))});
    }
    return flips;
  }

  void ExpectFound(const Flip& flip, const VerifyOptions& options) {
    const std::string whole = ReadFile(folder_ / flip.file);
    std::string damaged = whole;
    char& byte = damaged[flip.bit / 8];
    byte = static_cast<char>(byte ^ (1 << (flip.bit % 8)));
    WriteFile(folder_ / flip.file, damaged);
    EXPECT_FALSE(Run(options).holds()) << flip.file << " bit " << flip.bit;
    WriteFile(folder_ / flip.file, whole);
  }
};

TEST_F(VerifyFlipsTest, ShowWithTheChecksumFile) {
  QuantizeTiny();
  for (const Flip& flip : RandomFlips({"q.onnx", "q.onnx.data", "q.onnx.sha256"}, 210 / kStride))
    ExpectFound(flip, Plain());
  EXPECT_TRUE(Run(Plain()).holds());
}

TEST_F(VerifyFlipsTest, ShowWithTheSourceAndNoChecksumFile) {
  QuantizeTiny();
  for (const Flip& flip : RandomFlips({"q.onnx", "q.onnx.data"}, 210 / kStride)) ExpectFound(flip, Against());
  EXPECT_TRUE(Run(Against()).holds());
}

// Every bit of what the model says of its origin, and of all that stands near it: names, attributes.
TEST_F(VerifyFlipsTest, ShowInEveryBitOfASmallModel) {
  ModelBuilder builder;
  builder.Input("x", {2, 16}).Output("y", {2, 8}).Initializer("w", {16, 8}, RandomValues(128));
  builder.Node("MatMul", {"x", "w"}, {"y"}, "m");
  builder.Save(source());
  QuantizeSource();
  const std::uint64_t bits = 8 * fs::file_size(written());
  // One bit of each byte, another in each pass over eight.
  for (std::uint64_t byte = 0; byte < bits / 8; byte += kStride) {
    ExpectFound({"q.onnx", 8 * byte + byte % 8}, Against());
  }
}

// 33 x 100 codes do not end where the next tensor may begin.
TEST_F(VerifyFlipsTest, ShowBetweenTheTensorsOfTheDataFile) {
  ModelBuilder builder;
  builder.Input("x", {2, 33}).Output("y", {2, 100}).Output("z", {2, 100});
  for (const std::string name : {"w", "v"}) {
    builder.Initializer(name, {33, 100}, RandomValues(3300, name == "w" ? 1 : 2), Storage::kExternal);
    builder.Node("MatMul", {"x", name}, {name == "w" ? "y" : "z"});
  }
  builder.Save(source());
  QuantizeSource();
  ASSERT_GT(fs::file_size(written_data()), 2U * 3300U);
  for (std::uint64_t bit = 8 * 3300; bit < 8 * (fs::file_size(written_data()) - 3300); bit += 5 * kStride) {
    ExpectFound({"q.onnx.data", bit}, Against());
  }
  EXPECT_TRUE(Run(Against()).holds());
}

// ---- What is said of damage

TEST_F(VerifyTest, AChangedCodeIsNamed) {
  QuantizeTiny();
  onnx::ModelProto model = ParseModel(written());
  const auto& tensor = Find(model, "b1/up/W_quantized");
  std::string data = ReadFile(written_data());
  data[std::stoull(tensor.external_data(1).value()) + 5] ^= 1;
  WriteFile(written_data(), data);
  const VerifyReport report = Run(Against());
  EXPECT_THAT(Failing(report), ElementsAre("tensors"));
  EXPECT_EQ(ProblemOf(report, "tensors"), "tensor 'b1/up/W_quantized' differs from its byte 5 on");
  EXPECT_THAT(ProblemOf(Plain(), "checksums"), HasSubstr("q.onnx.data' has SHA-256 "));
}

TEST_F(VerifyTest, ChecksumsAreThoseOfTheFilesAlsoWhereTensorsDiffer) {
  QuantizeTiny();
  std::string data = ReadFile(written_data());
  data.back() ^= 1;
  WriteFile(written_data(), data);
  VerifyOptions options = Against();
  options.use_checksums = true;
  const VerifyReport report = Run(options);
  EXPECT_THAT(Failing(report), ElementsAre("checksums", "tensors"));
  EXPECT_THAT(ProblemOf(report, "checksums"), HasSubstr(Sha256::HexOf(data)));
}

TEST_F(VerifyTest, DataOfAnotherLengthIsNamed) {
  QuantizeTiny();
  const std::string data = ReadFile(written_data());
  WriteFile(written_data(), data + "x");
  EXPECT_THAT(ProblemOf(Against(), "tensors"), HasSubstr("has 142,337 bytes instead of 142,336"));
  WriteFile(written_data(), data.substr(0, data.size() - 1));
  EXPECT_THAT(Failing(Plain()), ElementsAre("checksums", "loads"));
  EXPECT_THAT(Failing(Against()), ElementsAre("loads"));
}

TEST_F(VerifyTest, AMissingDataFileDoesNotHold) {
  QuantizeTiny();
  fs::remove(written_data());
  EXPECT_THAT(ProblemOf(Plain(), "loads"), HasSubstr("q.onnx.data"));
}

TEST_F(VerifyTest, DataIsCheckedAlsoWhereTheModelIsNone) {
  QuantizeTiny();
  WriteFile(written(), "no model");
  fs::remove(written_data());
  const VerifyReport report = Run(Plain());
  EXPECT_EQ(report.checks.at(0).problem_count, 2U);
  EXPECT_THAT(report.checks.at(0).problems.at(1), HasSubstr("q.onnx.data"));
}

TEST_F(VerifyTest, WhatIsNoModelDoesNotHold) {
  QuantizeTiny();
  for (const std::string& bytes :
       {std::string(), std::string("no model"), ReadFile(written()).substr(0, 9000)}) {
    WriteFile(written(), bytes);
    const VerifyReport report = Run(Plain());
    EXPECT_THAT(Failing(report), ElementsAre("checksums", "loads"));
    for (const Check& check : report.checks) {
      if (check.name != "checksums" && check.name != "loads") {
        EXPECT_EQ(check.outcome, CheckOutcome::kNotChecked) << check.name;
      }
    }
  }
}

[[nodiscard]] CheckOutcome OutcomeOf(const VerifyReport& report, const std::string& check) {
  return std::ranges::find(report.checks, check, &Check::name)->outcome;
}

// What does not follow from another model is no damage, and is not looked for.
TEST_F(VerifyTest, AnotherSourceIsToldApart) {
  QuantizeTiny();
  models::write_audio_core(
      folder_ / "other.onnx",
      {.size = {.blocks = 1, .width = 64, .heads = 4, .feed_forward = 192, .codes = 256}});
  VerifyOptions options = Against();
  options.against = folder_ / "other.onnx";
  const VerifyReport report = Run(options);
  EXPECT_THAT(Failing(report), ElementsAre("source"));
  EXPECT_THAT(ProblemOf(report, "source"),
              AllOf(HasSubstr("another FP32 model"), HasSubstr(Sha256::HexOf(ReadFile(source()))),
                    HasSubstr(Sha256::HexOf(ReadFile(folder_ / "other.onnx")))));
  EXPECT_EQ(OutcomeOf(report, "tensors"), CheckOutcome::kNotChecked);
  EXPECT_EQ(OutcomeOf(report, "graph"), CheckOutcome::kNotChecked);
}

TEST_F(VerifyTest, ASourceOfOtherDataIsToldApart) {
  QuantizeTiny();
  std::string data = ReadFile(folder_ / "m.onnx.data");
  const std::string before = Sha256::HexOf(data);
  data[100'000] ^= 1;
  WriteFile(folder_ / "m.onnx.data", data);
  const VerifyReport report = Run(Against());
  EXPECT_THAT(Failing(report), ElementsAre("source"));
  EXPECT_THAT(ProblemOf(report, "source"), AllOf(HasSubstr("its data file 1 is not the same"),
                                                 HasSubstr(before), HasSubstr(Sha256::HexOf(data))));
}

// Without a hash, only what comes out tells.
TEST_F(VerifyTest, AnotherSourceThatWasNotHashedShowsInTheTensors) {
  QuantizeOptions quantize;
  quantize.hash_inputs = false;
  QuantizeTiny(quantize);
  models::write_audio_core(folder_ / "other.onnx", {.seed = 2});
  VerifyOptions options = Against();
  options.against = folder_ / "other.onnx";
  const VerifyReport report = Run(options);
  EXPECT_THAT(Failing(report), ElementsAre("tensors"));
  EXPECT_THAT(report.checks.at(report.checks.size() - 2).advice, HasSubstr("can be another model"));
}

TEST_F(VerifyTest, ASourceThatGivesNoSuchModelIsToldApart) {
  for (const bool hash_inputs : {true, false}) {
    QuantizeOptions options;
    options.selection.include = {"down"};
    options.hash_inputs = hash_inputs;
    QuantizeTiny(options);
    ModelBuilder builder;
    builder.Input("x", {2, 16}).Output("y", {2, 8}).Initializer("w", {16, 8}, RandomValues(128));
    builder.Node("MatMul", {"x", "w"}, {"y"}, "m");
    builder.Save(source());
    const VerifyReport report = Run(Against());
    if (hash_inputs) {
      EXPECT_THAT(Failing(report), ElementsAre("source"));
      EXPECT_THAT(ProblemOf(report, "source"), HasSubstr(Sha256::HexOf(ReadFile(source()))));
    } else {
      EXPECT_THAT(ProblemOf(report, "tensors"), AllOf(HasSubstr("cannot be made from"), HasSubstr("'down'")));
    }
  }
}

TEST_F(VerifyTest, ASourceWithANanIsToldApart) {
  for (const bool keep : {false, true}) {
    QuantizeOptions options;
    options.keep_non_finite = keep;
    options.hash_inputs = false;
    QuantizeTiny(options);
    std::string data = ReadFile(folder_ / "m.onnx.data");
    const float nan = std::numeric_limits<float>::quiet_NaN();
    data.replace(64, sizeof(nan), reinterpret_cast<const char*>(&nan), sizeof(nan));
    WriteFile(folder_ / "m.onnx.data", data);
    // Kept as it is, it would have made another file.
    EXPECT_THAT(ProblemOf(Against(), "tensors"), HasSubstr(keep ? "bytes instead of" : "NaN"));
  }
}

// tests/verify/written_by_0.1 has models that version 0.1 wrote, with their sources.
class VerifyEarlierVersionTest : public VerifyFixture {
 protected:
  [[nodiscard]] VerifyReport RunOf(const std::string& name) {
    const fs::path folder = QI8_TEST_WRITTEN_BY_0_1;
    VerifyOptions options = Against();
    options.model = folder / (name + "_int8.onnx");
    options.against = folder / (name + ".onnx");
    return Run(options);
  }
};

TEST_F(VerifyEarlierVersionTest, WhatItWroteHolds) {
  const VerifyReport report = RunOf("matmul");
  EXPECT_THAT(Failing(report), IsEmpty()) << VerifyTable(report);
  EXPECT_THAT(report.checks.at(5).detail, HasSubstr("quantize-int8 0.1.0"));
}

// A vector times a batch of matrices has other nodes since.
TEST_F(VerifyEarlierVersionTest, WhatThisVersionMakesInAnotherWayIsNotCalledDamage) {
  const VerifyReport report = RunOf("vector_by_batch");
  EXPECT_FALSE(report.holds()) << "nor is it said to hold";
  EXPECT_EQ(OutcomeOf(report, "source"), CheckOutcome::kHolds);
  EXPECT_THAT(VerifyTable(report), AllOf(HasSubstr("quantize-int8 0.1.0 wrote this model"),
                                         HasSubstr("verify it with version 0.1.0, or quantize again")));
}

TEST_F(VerifyTest, AModelWithoutOriginIsNotOurs) {
  QuantizeTiny();
  Change([](onnx::ModelProto& model) { model.clear_metadata_props(); });
  const VerifyReport report = Run(Against());
  EXPECT_THAT(Failing(report), ElementsAre("origin"));
  EXPECT_EQ(report.checks.back().outcome, CheckOutcome::kNotChecked);
}

TEST_F(VerifyTest, ChecksumFilesMayBeSharedAndLieElsewhere) {
  fs::create_directory(folder_ / "sums");
  WriteFile(folder_ / "sums" / "SUMS", "# kept\n" + std::string(64, '0') + "  other\n");
  QuantizeOptions quantize;
  quantize.checksum_file = folder_ / "sums" / "SUMS";
  QuantizeTiny(quantize);
  VerifyOptions options = Plain();
  options.checksum_file = quantize.checksum_file;
  EXPECT_THAT(Failing(options), IsEmpty());

  std::string sums = ReadFile(folder_ / "sums" / "SUMS");
  WriteFile(folder_ / "sums" / "SUMS", sums.substr(0, sums.find_last_of('\n', sums.size() - 2) + 1));
  EXPECT_THAT(ProblemOf(options, "checksums"), HasSubstr("has no line for '../q.onnx.data'"));
}

// ---- What cannot be read

TEST_F(VerifyTest, AMissingChecksumFileIsAnErrorThatNamesTheWayOut) {
  QuantizeTiny();
  fs::remove(folder_ / "q.onnx.sha256");
  EXPECT_THAT(ErrorOf([&] { return Run(Plain()); }), HasSubstr("--no-checksums"));
  VerifyOptions options = Plain();
  options.use_checksums = false;
  EXPECT_THAT(Failing(options), IsEmpty());
}

TEST_F(VerifyTest, FilesThatAreNotThereAreErrors) {
  VerifyOptions options = Against();
  EXPECT_THAT(ErrorOf([&] { return Run(options); }), HasSubstr("q.onnx"));
  QuantizeTiny();
  options.against = folder_ / "none.onnx";
  EXPECT_THAT(ErrorOf([&] { return Run(options); }), HasSubstr("none.onnx"));
  WriteFile(folder_ / "none.onnx", "no model");
  EXPECT_THAT(ErrorOf([&] { return Run(options); }, ErrorKind::kInvalidModel), HasSubstr("none.onnx"));
}

TEST_F(VerifyTest, StopsWhenAsked) {
  QuantizeTiny();
  class Impatient final : public Observer {
   public:
    [[nodiscard]] bool ShouldStop() override { return true; }
  } observer;
  for (const VerifyOptions& options : {Plain(), Against()}) {
    EXPECT_EQ(ErrorOf([&] { return Verify(options, observer); }, ErrorKind::kInterrupted), "interrupted");
  }
}

TEST_F(VerifyTest, WantsEnoughMemory) {
  VerifyOptions options = Plain();
  options.memory_budget = 1000;
  EXPECT_THAT(ErrorOf([&] { return Run(options); }, ErrorKind::kUsage), HasSubstr("memory"));
}

TEST_F(VerifyTest, TouchesNothing) {
  QuantizeTiny();
  const auto before = folder_.Listing();
  static_cast<void>(Run(Plain()));
  static_cast<void>(Run(Against()));
  EXPECT_TRUE(folder_.Listing() == before);
}

// ---- Words

TEST(VerifyText, HasALineForEachCheckAndTheWorstWeightFirst) {
  VerifyReport report;
  report.checks = {{.name = "loads", .outcome = CheckOutcome::kHolds, .detail = "3 tensors", .problems = {}},
                   {.name = "order",
                    .outcome = CheckOutcome::kFails,
                    .detail = "1 graph",
                    .problems = {"node 'a' reads\n'b'"},
                    .problem_count = 5},
                   {.name = "origin", .outcome = CheckOutcome::kNotChecked, .detail = "why", .problems = {}}};
  report.checks[1].advice = "sort them";
  report.weights = {{.weight = "good", .shape = {2, 3}, .sqnr_db = 50, .largest_error = 0.25},
                    {.weight = "bad", .shape = {4}, .sqnr_db = 12.345, .largest_error = 1},
                    {.weight = "exact",
                     .shape = {1},
                     .sqnr_db = std::numeric_limits<double>::infinity(),
                     .largest_error = 0}};
  EXPECT_EQ(VerifyTable(report),
            "holds  loads   3 tensors\n"
            "FAILS  order   1 graph\n"
            "         node 'a' reads\\x0a'b'\n"
            "         and 4 more\n"
            "         sort them\n"
            "-      origin  not checked: why\n"
            "\n"
            "SQNR dB  LARGEST ERROR  SHAPE   WEIGHT\n"
            "12.35    1              [4]     bad\n"
            "50.00    0.25           [2, 3]  good\n"
            "inf      0              [1]     exact\n");
  const auto json = nlohmann::json::parse(VerifyJson(report));
  EXPECT_EQ(json["holds"], false);
  EXPECT_EQ(json["checks"][1]["result"], "fails");
  EXPECT_EQ(json["checks"][1]["problem_count"], 5);
  EXPECT_EQ(json["checks"][1]["advice"], "sort them");
  EXPECT_EQ(json["checks"][2]["result"], "not-checked");
  EXPECT_EQ(json["checks"][2]["detail"], "why");
  EXPECT_EQ(json["weights"][0]["sqnr_db"], 50);
  EXPECT_TRUE(json["weights"][2]["sqnr_db"].is_null());
}

}  // namespace
}  // namespace qi8::testing
