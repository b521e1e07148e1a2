#include "inspect/inspect.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "inspect/inspect_text.hpp"
#include "models/audio_core.hpp"
#include "qi8/quantize.hpp"
#include "qi8/verify.hpp"
#include "support/memory_file_system.hpp"
#include "support/model_builder.hpp"
#include "support/temp_folder.hpp"

namespace qi8::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

[[nodiscard]] InspectReport RunInspect(const InspectOptions& options) {
  Observer observer;
  return Inspect(options, observer);
}

[[nodiscard]] InspectOptions Of(const fs::path& model) {
  InspectOptions options;
  options.model = model;
  return options;
}

[[nodiscard]] const WeightReport& Find(const InspectReport& report, const std::string& name) {
  for (const WeightReport& weight : report.weights) {
    if (weight.name == name) return weight;
  }
  throw std::logic_error("no weight " + name);
}

[[nodiscard]] const TensorTotal& Find(const std::vector<TensorTotal>& totals, const std::string& key) {
  for (const TensorTotal& total : totals) {
    if (total.key == key) return total;
  }
  throw std::logic_error("no total " + key);
}

class InspectTest : public ::testing::Test {
 protected:
  [[nodiscard]] fs::path path() const { return folder_ / "m.onnx"; }
  TempFolder folder_;
};

// However large the data is that the model names.
TEST(InspectLargeModelTest, ReadsNoWeight) {
  constexpr std::int64_t kRows = 16384;
  constexpr std::int64_t kColumns = 65536;
  constexpr std::uint64_t kBytes = 4ULL * kRows * kColumns;
  ModelBuilder builder;
  builder.Input("x", {1, kRows}).Output("y", {1, kColumns});
  auto& tensor = *builder.graph().add_initializer();
  tensor.set_name("w");
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  tensor.add_dims(kRows);
  tensor.add_dims(kColumns);
  tensor.set_data_location(onnx::TensorProto::EXTERNAL);
  auto& location = *tensor.add_external_data();
  location.set_key("location");
  location.set_value("m.onnx.data");
  builder.Node("MatMul", {"x", "w"}, {"y"}, "m");
  MemoryFileSystem files;
  files.Add("models/m.onnx", builder.model().SerializeAsString());
  files.AddZeros("models/m.onnx.data", kBytes);
  Observer observer;
  const InspectReport report = Inspect(files, Of("models/m.onnx"), observer);
  EXPECT_EQ(report.plan.input_bytes(), kBytes + builder.model().ByteSizeLong());
  EXPECT_EQ(report.plan.quantized_weights, 1U);
  EXPECT_LT(report.plan.output_bytes(), kBytes / 4 + 1'000'000);
  for (const auto& read : files.reads())
    EXPECT_THAT(read.path, HasSubstr("models/m.onnx")) << read.range.offset;
  for (const auto& read : files.reads()) EXPECT_THAT(read.path, Not(HasSubstr(".data")));
}

TEST_F(InspectTest, TellsWhatTheModelSaysOfItself) {
  ModelBuilder builder(17, 8);
  builder.Input("x", {-1, 16}).Output("y", {-1, 8}).Initializer("w", {16, 8}, RandomValues(128));
  builder.Node("MatMul", {"x", "w"}, {"y"}, "m");
  builder.Import("com.microsoft");
  builder.model().set_producer_name("maker");
  builder.model().set_producer_version("1.2");
  builder.model().set_doc_string("a model");
  auto& entry = *builder.model().add_metadata_props();
  entry.set_key("author");
  entry.set_value("somebody");
  builder.Save(path());
  const InspectReport report = RunInspect(Of(path()));
  EXPECT_EQ(report.ir_version, 8);
  EXPECT_THAT(report.opsets, ElementsAre(Pair("ai.onnx", 17), Pair("com.microsoft", 1)));
  EXPECT_EQ(report.producer, "maker 1.2");
  EXPECT_EQ(report.doc_string, "a model");
  EXPECT_THAT(report.metadata, ElementsAre(Pair("author", "somebody")));
  ASSERT_EQ(report.inputs.size(), 1U);
  EXPECT_EQ(report.inputs[0].name, "x");
  EXPECT_EQ(report.inputs[0].type, "float32");
  EXPECT_THAT(report.inputs[0].shape, AllOf(HasSubstr(", 16]"), Not(HasSubstr("-1"))));
  EXPECT_THAT(report.operators, ElementsAre(Pair("MatMul", 1)));
}

TEST_F(InspectTest, CountsTensorsByTypeAndByTheOperatorThatUsesThem) {
  ModelBuilder builder;
  builder.Input("x", {2, 16}).Output("y", {2, 32}).Output("z", {2, 16});
  builder.Initializer("w", {16, 32}, RandomValues(512)).Initializer("turned", {16, 16}, RandomValues(256));
  builder.Initializer("unused", {50}, RandomValues(50)).Int64Initializer("shape", {2}, {2, 32});
  builder.Node("MatMul", {"x", "w"}, {"h"}, "a");
  builder.Node("Reshape", {"h", "shape"}, {"y"}, "b");
  SetInts(builder.Node("Transpose", {"turned"}, {"t"}, "c"), "perm", {1, 0});
  builder.Node("Gemm", {"x", "t"}, {"z"}, "d");
  builder.Save(path());
  const InspectReport report = RunInspect(Of(path()));
  EXPECT_EQ(Find(report.by_type, "float32").tensors, 3U);
  EXPECT_EQ(Find(report.by_type, "float32").elements, 512U + 256U + 50U);
  EXPECT_EQ(Find(report.by_type, "float32").bytes, 4U * (512U + 256U + 50U));
  EXPECT_EQ(Find(report.by_type, "int64").bytes, 16U);
  EXPECT_EQ(Find(report.by_operator, "MatMul").elements, 512U);
  EXPECT_EQ(Find(report.by_operator, "Gemm").elements, 256U) << "past the Transpose";
  EXPECT_EQ(Find(report.by_operator, "(unused)").elements, 50U);
  ASSERT_EQ(report.weights.size(), 3U);
  EXPECT_EQ(report.weights[0].name, "w") << "the largest first";
  EXPECT_TRUE(report.weights[0].quantized);
  EXPECT_FALSE(report.weights[0].statistics);
  EXPECT_EQ(report.weights[1].op_type, "Gemm");
  EXPECT_FALSE(Find(report, "unused").quantized);
}

TEST_F(InspectTest, SizesAreThoseThatQuantizingGives) {
  models::write_audio_core(path(), {});
  for (const ExternalData external : {ExternalData::kAlways, ExternalData::kNever}) {
    InspectOptions inspect = Of(path());
    inspect.external_data = external;
    inspect.selection.exclude = {"head"};
    const InspectReport report = RunInspect(inspect);
    QuantizeOptions quantize;
    quantize.input = path();
    quantize.output = folder_ / "m_int8.onnx";
    quantize.selection = inspect.selection;
    quantize.external_data = external;
    quantize.replace_output = true;
    Observer observer;
    const RunReport run = Quantize(quantize, observer);
    ASSERT_EQ(report.plan.outputs.size(), run.plan.outputs.size());
    for (std::size_t i = 0; i < run.plan.outputs.size(); ++i) {
      EXPECT_EQ(report.plan.outputs[i].path, run.plan.outputs[i].path);
      EXPECT_EQ(report.plan.outputs[i].size, run.plan.outputs[i].size);
      EXPECT_EQ(report.plan.outputs[i].size, fs::file_size(run.plan.outputs[i].path));
    }
    EXPECT_EQ(report.plan.quantized_nodes, run.plan.quantized_nodes);
    EXPECT_EQ(Find(report, "head/W").reason, "excluded");
  }
}

// ---- --weights

// From the definitions, in doubles.
[[nodiscard]] WeightStatistics Expected(const std::vector<float>& values) {
  WeightStatistics expected;
  const auto count = static_cast<double>(values.size());
  double squares = 0;
  for (const float value : values) {
    expected.least = std::min<double>(expected.least, value);
    expected.greatest = std::max<double>(expected.greatest, value);
    expected.mean += value / count;
    squares += static_cast<double>(value) * value / count;
  }
  for (const float value : values)
    expected.deviation += (value - expected.mean) * (value - expected.mean) / count;
  expected.deviation = std::sqrt(expected.deviation);
  expected.peak_over_rms = std::max(-expected.least, expected.greatest) / std::sqrt(squares);
  for (const float value : values) {
    expected.outliers += std::abs(value - expected.mean) > 6 * expected.deviation ? 1 : 0;
  }
  return expected;
}

// By columns, by rows, in one tile and in several; a batch.
TEST_F(InspectTest, StatisticsAreThoseOfTheNumbers) {
  struct Case {
    std::string name;
    Dims dims;
    std::string op_type;
    std::uint64_t channels;
  };
  const std::vector<Case> cases = {{"small", {20, 30}, "MatMul", 30},
                                   {"columns", {700, 500}, "MatMul", 500},
                                   {"batch", {3, 200, 100}, "MatMul", 300},
                                   {"rows", {900, 700}, "Gather", 900},
                                   {"kept", {700, 500}, "Add", 0}};
  ModelBuilder builder;
  builder.Input("x", {1, 1}).Input("i", {1}, onnx::TensorProto::INT64);
  std::map<std::string, std::vector<float>> values;
  for (const Case& each : cases) {
    std::size_t count = 1;
    for (const std::int64_t dim : each.dims) count *= static_cast<std::size_t>(dim);
    auto& numbers = values[each.name] = RandomValues(count, 11);
    numbers[7] = 20;
    numbers[count - 3] = -25;
    for (std::size_t i = 2; i < count; i += static_cast<std::size_t>(each.dims.back())) numbers[i] = 0;
    builder.Initializer(each.name, each.dims, numbers, Storage::kExternal);
    const bool gather = each.op_type == "Gather";
    builder.Node(each.op_type,
                 gather ? std::vector<std::string>{each.name, "i"} : std::vector<std::string>{"x", each.name},
                 {each.name + "_out"});
  }
  builder.Save(path());
  InspectOptions options = Of(path());
  options.read_weights = true;
  const InspectReport report = RunInspect(options);

  QuantizeOptions quantize;
  quantize.input = path();
  quantize.output = folder_ / "q.onnx";
  Observer observer;
  static_cast<void>(Quantize(quantize, observer));
  VerifyOptions verify;
  verify.model = folder_ / "q.onnx";
  verify.against = path();
  const VerifyReport verified = Verify(verify, observer);
  ASSERT_TRUE(verified.holds());

  for (const Case& each : cases) {
    SCOPED_TRACE(each.name);
    const WeightReport& weight = Find(report, each.name);
    ASSERT_TRUE(weight.statistics);
    const WeightStatistics& statistics = *weight.statistics;
    const WeightStatistics expected = Expected(values[each.name]);
    EXPECT_EQ(statistics.least, expected.least);
    EXPECT_EQ(statistics.greatest, expected.greatest);
    EXPECT_NEAR(statistics.mean, expected.mean, 1e-9);
    EXPECT_NEAR(statistics.deviation, expected.deviation, 1e-9);
    EXPECT_NEAR(statistics.peak_over_rms, expected.peak_over_rms, 1e-6);
    EXPECT_EQ(statistics.outliers, expected.outliers);
    EXPECT_GE(statistics.outliers, 2U);
    EXPECT_EQ(statistics.non_finite, 0U);
    EXPECT_EQ(statistics.channels.value_or(0), each.channels);
    const auto measured = std::ranges::find(verified.weights, each.name, &WeightError::weight);
    ASSERT_EQ(statistics.sqnr_db.has_value(), measured != verified.weights.end());
    if (!statistics.sqnr_db) continue;
    EXPECT_NEAR(*statistics.sqnr_db, measured->sqnr_db, 1e-6);
    EXPECT_DOUBLE_EQ(*statistics.largest_error, measured->largest_error);
    // Column 2 is all 0, of each matrix in a batch; no row is.
    const std::uint64_t matrices = each.dims.size() == 3 ? 3 : 1;
    EXPECT_EQ(statistics.zero_channels, each.op_type == "MatMul" ? matrices : 0U);
  }
}

TEST_F(InspectTest, NumbersThatAreNotFiniteAreCountedAndLeftOut) {
  ModelBuilder builder;
  builder.Input("x", {2, 16}).Output("y", {2, 16});
  auto values = RandomValues(256);
  values[3] = std::numeric_limits<float>::quiet_NaN();
  values[99] = -std::numeric_limits<float>::infinity();
  builder.Initializer("w", {16, 16}, values).Node("MatMul", {"x", "w"}, {"y"});
  builder.Save(path());
  InspectOptions options = Of(path());
  options.read_weights = true;
  const InspectReport report = RunInspect(options);
  const WeightStatistics& statistics = Find(report, "w").statistics.value();
  EXPECT_EQ(statistics.non_finite, 2U);
  EXPECT_TRUE(std::isfinite(statistics.mean));
  EXPECT_TRUE(std::isfinite(statistics.least));
  EXPECT_FALSE(statistics.sqnr_db) << "it has no INT8 form";
  EXPECT_THAT(InspectText(report, 5), HasSubstr("2 not finite"));
  EXPECT_EQ(Find(report, "w").reason, "non-finite");
  EXPECT_FALSE(Find(report, "w").quantized);
  options.read_weights = false;
  EXPECT_THAT(InspectText(RunInspect(options), 5),
              HasSubstr("--weights tells which have a NaN or an infinity"));
}

TEST_F(InspectTest, StopsWhenAsked) {
  models::write_audio_core(path(), {});
  class Impatient final : public Observer {
   public:
    [[nodiscard]] bool ShouldStop() override { return true; }
  } observer;
  InspectOptions options = Of(path());
  options.read_weights = true;
  try {
    static_cast<void>(Inspect(options, observer));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInterrupted);
  }
}

TEST_F(InspectTest, AGraphThatGoesInCirclesIsAnError) {
  ModelBuilder builder;
  builder.Input("x", {2, 2}).Initializer("w", {8, 8}, RandomValues(64));
  builder.Node("Identity", {"b"}, {"a"});
  builder.Node("Identity", {"a"}, {"b"});
  builder.Save(path());
  try {
    static_cast<void>(RunInspect(Of(path())));
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInvalidModel);
    EXPECT_THAT(error.what(), HasSubstr("a cycle"));
  }
}

// ---- Words

TEST_F(InspectTest, TextShowsTheLargestAndJsonAll) {
  models::write_audio_core(path(), {});
  InspectOptions options = Of(path());
  options.read_weights = true;
  const InspectReport report = RunInspect(options);
  const std::string text = InspectText(report, 3);
  EXPECT_THAT(text, AllOf(HasSubstr("embed/W"), HasSubstr("OUTLIERS"), HasSubstr("quantized  16 nodes"),
                          HasSubstr("smaller ones\n"), Not(HasSubstr("b1/o/W"))));
  EXPECT_THAT(InspectText(report, 0), Not(HasSubstr("SHAPE")));
  const auto json = nlohmann::json::parse(InspectJson(report));
  EXPECT_EQ(json["weights"].size(), report.weights.size());
  EXPECT_EQ(json["weights"][0]["statistics"]["channels"], 256);
  EXPECT_EQ(json["plan"]["quantized_weights"], 16);
  EXPECT_EQ(json["opsets"]["ai.onnx"], 17);
  EXPECT_EQ(json["operators"]["MatMul"], 18);
}

TEST(InspectText, NamesMoveNoCursor) {
  InspectReport report;
  report.path = "a\nb";
  report.producer = "\x1b[2J";
  report.weights.resize(1);
  report.weights[0].name = "w\r";
  EXPECT_THAT(InspectText(report, 5),
              AllOf(Not(HasSubstr("\x1b")), Not(HasSubstr("\r")), HasSubstr("a\\x0ab")));
}

}  // namespace
}  // namespace qi8::testing
