// Weights of every shape through the pipeline, at budgets that make it hold, read again and split, against
// the oracle: each INT8 tensor and each scale bit for bit.

#include "exec/execute.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exec/oracle.hpp"
#include "exec/schedule.hpp"
#include "hash/sha256.hpp"
#include "plan/layout.hpp"
#include "qi8/error.hpp"
#include "support/any_size.hpp"
#include "support/model_builder.hpp"
#include "support/stride.hpp"
#include "support/temp_folder.hpp"

namespace qi8 {
namespace {

using testing::Dims;
using testing::ModelBuilder;
using testing::RandomValues;
using testing::SetInts;
using testing::Storage;
using testing::TempFolder;

using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

struct Outputs {
  onnx::ModelProto model;
  std::string data;
  std::string model_sha256, data_sha256;
  std::vector<std::string> input_sha256;
  std::vector<QuantizationError> errors;

  // The bytes of an initializer, wherever it lies.
  [[nodiscard]] std::string Bytes(const std::string& name) const {
    for (const auto& tensor : model.graph().initializer()) {
      if (tensor.name() != name) continue;
      if (tensor.data_location() != onnx::TensorProto::EXTERNAL) return tensor.raw_data();
      std::size_t offset = 0;
      std::size_t length = 0;
      for (const auto& entry : tensor.external_data()) {
        if (entry.key() == "offset") offset = std::stoull(entry.value());
        if (entry.key() == "length") length = std::stoull(entry.value());
      }
      return data.substr(offset, length);
    }
    ADD_FAILURE() << "no initializer " << name;
    return {};
  }

  [[nodiscard]] std::vector<float> Floats(const std::string& name) const {
    const std::string bytes = Bytes(name);
    std::vector<float> values(bytes.size() / sizeof(float));
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }
};

class Execution : public ::testing::Test {
 protected:
  [[nodiscard]] Outputs Run(ModelBuilder& builder, const ExecuteOptions& options,
                            ExternalData external = ExternalData::kAlways) {
    builder.Save(folder_ / "in.onnx");
    const auto file_system = MakePosixFileSystem();
    Model model = Model::Load(*file_system, folder_ / "in.onnx");
    const Plan plan = MakePlan(model, testing::OfAnySize(selection_));
    model.Apply(plan.rewrite);
    const Layout layout = LayOut(model, plan, external, "out.onnx.data", {});
    Outputs outputs;
    const auto out = file_system->OpenFolder(folder_.path());
    for (const char* name : {"out.onnx", "out.onnx.data"}) out->Remove(name);
    const auto model_file = out->Create("out.onnx");
    const auto data_file = out->Create("out.onnx.data");
    HashedOutput model_output(*model_file, layout.model_size);
    HashedOutput data_output(*data_file, layout.data_size);
    ExecuteResult result =
        Execute(model, plan, layout, {.model = &model_output, .data = &data_output}, options);
    outputs.input_sha256 = std::move(result.input_hashes);
    outputs.errors = std::move(result.errors);
    WriteGraph(model.Render({}), model_output);
    outputs.model_sha256 = model_output.Finish();
    outputs.data_sha256 = data_output.Finish();
    model_file->Close();
    data_file->Close();
    outputs.model = testing::ParseModel(folder_ / "out.onnx");
    outputs.data = testing::ReadFile(folder_ / "out.onnx.data");
    EXPECT_EQ(outputs.data_sha256, Sha256::HexOf(outputs.data));
    EXPECT_EQ(outputs.model_sha256, Sha256::HexOf(testing::ReadFile(folder_ / "out.onnx")));
    EXPECT_EQ(outputs.input_sha256.at(0), Sha256::HexOf(testing::ReadFile(folder_ / "in.onnx")));
    return outputs;
  }

  static void ExpectMatches(const Outputs& outputs, const std::string& weight,
                            const RowMajor& columns_are_channels) {
    const auto expected = testing::QuantizeColumns(columns_are_channels.cast<double>());
    const std::vector<float> scales = outputs.Floats(weight + "_scale");
    ASSERT_EQ(scales.size(), static_cast<std::size_t>(expected.scales.size())) << weight;
    for (std::size_t i = 0; i < scales.size(); ++i) {
      ASSERT_EQ(scales[i], expected.scales[static_cast<Eigen::Index>(i)]) << weight << " scale " << i;
    }
    const std::string bytes = outputs.Bytes(weight + "_quantized");
    ASSERT_EQ(bytes.size(), static_cast<std::size_t>(expected.values.size())) << weight;
    EXPECT_EQ(std::memcmp(bytes.data(), expected.values.data(), bytes.size()), 0) << weight;
  }

  [[nodiscard]] static RowMajor Matrix(const std::vector<float>& values, std::int64_t rows,
                                       std::int64_t columns) {
    return Eigen::Map<const RowMajor>(values.data(), rows, columns);
  }

  TempFolder folder_;
  Selection selection_ = {};
};

// Adds a node that has `weight` as its weight.
void AddMatMul(ModelBuilder& builder, const std::string& weight) {
  builder.Node("MatMul", {"x", weight}, {weight + "_out"}, weight + "_node");
}
void AddTransposedGemm(ModelBuilder& builder, const std::string& weight) {
  testing::SetInt(builder.Node("Gemm", {"x", weight}, {weight + "_out"}, weight + "_node"), "transB", 1);
}
void AddGather(ModelBuilder& builder, const std::string& weight) {
  builder.Node("Gather", {weight, "indices"}, {weight + "_out"}, weight + "_node");
}

struct BudgetCase {
  std::uint64_t budget;
  unsigned threads;
};

class ExecutionAtBudgets : public Execution, public ::testing::WithParamInterface<BudgetCase> {
 protected:
  [[nodiscard]] Outputs RunWithin(ModelBuilder& builder) {
    return Run(builder, {.threads = GetParam().threads,
                         .memory_budget = GetParam().budget,
                         .on_progress = {},
                         .should_stop = {}});
  }
};

// The tile is 1 MiB, so that these are, in turn: smaller than a tile, several tiles that fit every budget,
// and more than the smallest budget, which is read twice; wide rows that end in mid-tile; a row longer than a
// tile.
TEST_P(ExecutionAtBudgets, EveryShapeEqualsTheOracle) {
  struct Case {
    const char* name;
    std::int64_t rows, columns;
    void (*add)(ModelBuilder&, const std::string&);
    bool rows_are_channels;
    bool transposed;  // the INT8 tensor has the dimensions the other way round
  };
  const std::vector<Case> cases = {
      {"mm_small", 7, 5, AddMatMul, false, false},
      {"mm_tiles", 900, 700, AddMatMul, false, false},
      {"mm_twice", 1500, 2100, AddMatMul, false, false},
      {"mm_wide", 3, 300'007, AddMatMul, false, false},
      {"gemm_small", 6, 9, AddTransposedGemm, true, true},
      {"gemm_tiles", 1111, 701, AddTransposedGemm, true, true},
      {"gemm_long", 2, 600'011, AddTransposedGemm, true, true},
      {"table_tiles", 5003, 129, AddGather, true, false},
      {"table_long", 3, 500'009, AddGather, true, false},
      {"table_small", 3, 40, AddGather, true, false},
  };
  ModelBuilder builder;
  std::vector<RowMajor> matrices;
  std::uint32_t seed = 0;
  for (const Case& c : cases) {
    auto values = RandomValues(static_cast<std::size_t>(c.rows * c.columns), ++seed, 0.02F);
    values[values.size() / 2] = 100.0F;  // an outlier in one channel must not reach the others
    values[values.size() - 1] = 1e-40F;
    builder.Initializer(c.name, {c.rows, c.columns}, values,
                        seed % 2 == 0 ? Storage::kExternal : Storage::kRawData);
    c.add(builder, c.name);
    matrices.push_back(Matrix(values, c.rows, c.columns));
  }
  const auto outputs = RunWithin(builder);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const RowMajor channels_in_columns =
        cases[i].rows_are_channels ? RowMajor(matrices[i].transpose()) : matrices[i];
    if (cases[i].rows_are_channels && !cases[i].transposed) {
      // Stored as it came, scales by row: the oracle's matrix turned back.
      const auto expected = testing::QuantizeColumns(channels_in_columns.cast<double>());
      const decltype(expected.values) as_stored = expected.values.transpose();
      const std::string bytes = outputs.Bytes(std::string(cases[i].name) + "_quantized");
      ASSERT_EQ(bytes.size(), static_cast<std::size_t>(as_stored.size()));
      EXPECT_EQ(std::memcmp(bytes.data(), as_stored.data(), bytes.size()), 0) << cases[i].name;
      const auto scales = outputs.Floats(std::string(cases[i].name) + "_scale");
      EXPECT_EQ(std::memcmp(scales.data(), expected.scales.data(), scales.size() * sizeof(float)), 0);
    } else {
      ExpectMatches(outputs, cases[i].name, channels_in_columns);
    }
  }
}

// One scale for all of a weight: tiles that are transposed are parts of one group, and of one matrix.
TEST_P(ExecutionAtBudgets, OneScaleForATensorEqualsTheOracle) {
  struct Case {
    const char* name;
    std::int64_t rows, columns;
    void (*add)(ModelBuilder&, const std::string&);
    bool transposed;
  };
  const std::vector<Case> cases = {
      {"mm_tiles", 900, 700, AddMatMul, false},           {"gemm_small", 6, 9, AddTransposedGemm, true},
      {"gemm_tiles", 1111, 701, AddTransposedGemm, true}, {"gemm_twice", 2111, 1701, AddTransposedGemm, true},
      {"gemm_long", 3, 400'011, AddTransposedGemm, true}, {"table_tiles", 5003, 129, AddGather, false},
  };
  selection_.granularity = Granularity::kTensor;
  ModelBuilder builder;
  std::vector<RowMajor> matrices;
  for (const Case& c : cases) {
    const auto values =
        RandomValues(static_cast<std::size_t>(c.rows * c.columns), static_cast<std::uint32_t>(c.rows), 0.02F);
    builder.Initializer(c.name, {c.rows, c.columns}, values, Storage::kExternal);
    c.add(builder, c.name);
    matrices.push_back(Matrix(values, c.rows, c.columns));
  }
  const auto outputs = RunWithin(builder);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const RowMajor as_written = cases[i].transposed ? RowMajor(matrices[i].transpose()) : matrices[i];
    const RowMajor one_column = Eigen::Map<const RowMajor>(as_written.data(), as_written.size(), 1);
    ExpectMatches(outputs, cases[i].name, one_column);
  }
}

// Batches whose matrices are turned one by one.
TEST_P(ExecutionAtBudgets, TransposedBatchesEqualTheOracle) {
  struct Case {
    const char* name;
    std::int64_t batches, rows, columns;
  };
  const std::vector<Case> cases = {{"small", 5, 6, 7}, {"tiles", 3, 301, 402}, {"long", 2, 3, 300'001}};
  ModelBuilder builder;
  for (const Case& c : cases) {
    const std::string name = c.name;
    const auto values = RandomValues(static_cast<std::size_t>(c.batches * c.rows * c.columns), 3, 0.02F);
    builder.Initializer(name, {c.batches, c.rows, c.columns}, values, Storage::kExternal);
    SetInts(builder.Node("Transpose", {name}, {name + "_turned"}), "perm", {0, 2, 1});
    builder.Node("MatMul", {"x", name + "_turned"}, {name + "_out"});
  }
  const auto outputs = RunWithin(builder);
  for (const Case& c : cases) {
    const std::string name = c.name;
    const auto values = RandomValues(static_cast<std::size_t>(c.batches * c.rows * c.columns), 3, 0.02F);
    const std::string bytes = outputs.Bytes(name + "_quantized");
    const auto scales = outputs.Floats(name + "_scale");
    const auto size = static_cast<std::size_t>(c.rows * c.columns);
    ASSERT_EQ(bytes.size(), static_cast<std::size_t>(c.batches) * size);
    for (std::int64_t b = 0; b < c.batches; ++b) {
      const RowMajor turned =
          Matrix(values, c.batches * c.rows, c.columns).middleRows(b * c.rows, c.rows).transpose();
      const auto expected = testing::QuantizeColumns(turned.cast<double>());
      EXPECT_EQ(std::memcmp(bytes.data() + static_cast<std::size_t>(b) * size, expected.values.data(), size),
                0)
          << name << " matrix " << b;
      for (std::int64_t r = 0; r < c.rows; ++r) {
        EXPECT_EQ(scales[static_cast<std::size_t>(b * c.rows + r)], expected.scales[r]) << name;
      }
    }
  }
}

// Where sanitizers make a case ten times slower, each budget has one number of threads.
[[nodiscard]] std::vector<BudgetCase> BudgetCases() {
  std::vector<BudgetCase> cases = {{kLeastMemoryBudget, 4}, {96ULL << 20U, 1}};
  if (testing::kStride == 1) {
    cases.insert(cases.end(), {{kLeastMemoryBudget, 1}, {96ULL << 20U, 3}});
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Budgets, ExecutionAtBudgets, ::testing::ValuesIn(BudgetCases()),
                         [](const auto& budget) {
                           return "MiB" + std::to_string(budget.param.budget >> 20U) + "Threads" +
                                  std::to_string(budget.param.threads);
                         });

const ExecuteOptions kOptions{
    .threads = 2, .memory_budget = 32ULL << 20U, .on_progress = {}, .should_stop = {}};

TEST_F(Execution, SpecialValuesEqualTheOracle) {
  constexpr std::int64_t kRows = 4;
  // Columns: all zero, constant, denormal, largest float, signed zeros, halves that round to even.
  const std::vector<float> values = {0,     2.5F, 1e-42F,  3.4028234e38F,
                                     -0.0F, 127,  //
                                     0,     2.5F, -1e-42F, -3.4028234e38F,
                                     0.0F,  0.5F,  //
                                     0,     2.5F, 1e-45F,  1,
                                     -0.0F, 1.5F,  //
                                     0,     2.5F, 0,       -1e30F,
                                     0.0F,  -2.5F};
  ModelBuilder builder;
  builder.Initializer("w", {kRows, 6}, values);
  AddMatMul(builder, "w");
  const auto outputs = Run(builder, kOptions);
  ExpectMatches(outputs, "w", Matrix(values, kRows, 6));
  const auto scales = outputs.Floats("w_scale");
  EXPECT_EQ(scales[0], 1.0F);
  EXPECT_EQ(scales[2], 1.0F);
  EXPECT_GT(scales[3], 2e36F);
  const std::string q = outputs.Bytes("w_quantized");
  EXPECT_EQ(q[5 + 6], 0);   // 0.5 -> 0
  EXPECT_EQ(q[5 + 12], 2);  // 1.5 -> 2
  EXPECT_EQ(q[5 + 18], static_cast<char>(-2));
}

TEST_F(Execution, AlphaMultipliesTheScales) {
  const auto values = RandomValues(30 * 20);
  ModelBuilder builder;
  builder.Initializer("w", {30, 20}, values);
  testing::SetFloat(builder.Node("Gemm", {"x", "w"}, {"y"}), "alpha", 0.3F);
  const auto outputs = Run(builder, kOptions);
  const auto expected = testing::QuantizeColumns(Matrix(values, 30, 20).cast<double>());
  const auto scales = outputs.Floats("w_scale");
  for (std::size_t i = 0; i < scales.size(); ++i) {
    EXPECT_EQ(scales[i], expected.scales[static_cast<Eigen::Index>(i)] * 0.3F);
  }
}

TEST_F(Execution, WhatIsNotQuantizedIsCopiedByteForByte) {
  const auto large = RandomValues(700'000);
  const auto small = RandomValues(10, 2);
  for (const Storage storage :
       {Storage::kRawData, Storage::kFloatData, Storage::kUnpackedFloatData, Storage::kExternal}) {
    for (const ExternalData external : {ExternalData::kAlways, ExternalData::kNever}) {
      ModelBuilder builder;
      builder.Initializer("large", {700'000}, large, storage);
      builder.Initializer("small", {10}, small, storage);
      builder.Node("Add", {"large", "small"}, {"y"});
      const auto outputs = Run(builder, kOptions, external);
      EXPECT_EQ(outputs.Floats("large"), large);
      EXPECT_EQ(outputs.Floats("small"), small);
      EXPECT_EQ(outputs.data.empty(), external == ExternalData::kNever);
    }
  }
}

TEST_F(Execution, AllWeightsMayStandInTheModel) {
  const auto values = RandomValues(300 * 200);
  ModelBuilder builder;
  builder.Initializer("w", {200, 300}, values, Storage::kExternal);
  AddTransposedGemm(builder, "w");
  const auto outputs = Run(builder, kOptions, ExternalData::kNever);
  EXPECT_TRUE(outputs.data.empty());
  ExpectMatches(outputs, "w", RowMajor(Matrix(values, 200, 300).transpose()));
}

[[nodiscard]] std::string MessageOf(const std::function<void()>& action,
                                    ErrorKind kind = ErrorKind::kFailure) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind);
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return {};
}

TEST_F(Execution, NamesTensorAndIndexOfANonFiniteNumber) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    for (auto* add : {AddMatMul, AddTransposedGemm, AddGather}) {
      auto values = RandomValues(1200 * 900);
      values[800 * 900 + 123] = bad;
      values[801 * 900 + 1] = bad;  // the first one is named, whichever thread finds which
      ModelBuilder builder;
      builder.Initializer("weird", {1200, 900}, values);
      add(builder, "weird");
      const std::string message =
          MessageOf([&] { static_cast<void>(Run(builder, kOptions)); }, ErrorKind::kInvalidModel);
      EXPECT_THAT(message, ::testing::HasSubstr("tensor 'weird'"));
      EXPECT_THAT(message, ::testing::HasSubstr("[800, 123]"));
    }
  }
}

// Rows, columns and turned matrices, in one tile and in several.
TEST_F(Execution, MeasuresErrorsAndWritesTheSame) {
  ModelBuilder builder;
  const auto values = RandomValues(900 * 700, 7);
  for (auto* add : {AddMatMul, AddTransposedGemm, AddGather}) {
    for (const std::int64_t rows : {8, 900}) {
      const std::string name = "w" + std::to_string(builder.graph().initializer_size());
      builder.Initializer(name, {rows, 700}, std::span(values).first(static_cast<std::size_t>(rows) * 700));
      add(builder, name);
    }
  }
  const Outputs plain = Run(builder, kOptions);
  EXPECT_TRUE(plain.errors.empty());
  ExecuteOptions options = kOptions;
  options.measure_errors = true;
  std::filesystem::remove(folder_ / "out.onnx");
  std::filesystem::remove(folder_ / "out.onnx.data");
  const Outputs measured = Run(builder, options);
  EXPECT_EQ(measured.data_sha256, plain.data_sha256);
  EXPECT_EQ(measured.model_sha256, plain.model_sha256);
  ASSERT_EQ(measured.errors.size(), 6U);
  for (std::size_t i = 0; i < measured.errors.size(); ++i) {
    const std::string name = "w" + std::to_string(i);
    const std::int64_t rows = i % 2 == 0 ? 8 : 900;
    const bool by_columns = i < 2;  // else by rows, and of the Gemms' turned
    const bool turned = i == 2 || i == 3;
    const std::vector<float> scales = measured.Floats(name + "_scale");
    const std::string codes = measured.Bytes(name + "_quantized");
    double largest = 0;
    double noise = 0;
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = 0; c < 700; ++c) {
        const auto code =
            static_cast<std::int8_t>(codes[static_cast<std::size_t>(turned ? c * rows + r : r * 700 + c)]);
        const double restored =
            static_cast<double>(scales[static_cast<std::size_t>(by_columns ? c : r)]) * code;
        const double difference = std::abs(values[static_cast<std::size_t>(r * 700 + c)] - restored);
        largest = std::max(largest, difference);
        noise += difference * difference;
      }
    }
    EXPECT_DOUBLE_EQ(measured.errors[i].largest, largest) << name;
    EXPECT_NEAR(measured.errors[i].noise, noise, 1e-9 * noise) << name;
    EXPECT_GT(measured.errors[i].SqnrDecibel(), 35) << name;
  }
}

TEST_F(Execution, StopsWhenAsked) {
  ModelBuilder builder;
  builder.Initializer("w", {900, 900}, RandomValues(900 * 900));
  AddMatMul(builder, "w");
  int asked = 0;
  ExecuteOptions options = kOptions;
  options.should_stop = [&asked] { return ++asked > 2; };
  EXPECT_EQ(MessageOf([&] { static_cast<void>(Run(builder, options)); }, ErrorKind::kInterrupted),
            "interrupted");
  EXPECT_EQ(asked, 3);
}

TEST_F(Execution, NoticesAnInputThatChanges) {
  ModelBuilder builder;
  builder.Initializer("w", {900, 900}, RandomValues(900 * 900), Storage::kExternal);
  AddMatMul(builder, "w");
  ExecuteOptions options = kOptions;
  options.on_progress = [this, done = false](std::uint64_t) mutable {
    if (std::exchange(done, true)) return;
    std::filesystem::resize_file(folder_ / "in.onnx.data", 900 * 900 * sizeof(float) + 1);
  };
  EXPECT_THAT(MessageOf([&] { static_cast<void>(Run(builder, options)); }),
              ::testing::HasSubstr("was changed while it was read"));
}

TEST_F(Execution, TellsHowFarItIs) {
  ModelBuilder builder;
  builder.Initializer("w", {1500, 2100}, RandomValues(1500 * 2100), Storage::kExternal);
  AddMatMul(builder, "w");
  for (const std::uint64_t budget : {kLeastMemoryBudget, kLeastMemoryBudget * 8}) {
    std::vector<std::uint64_t> seen;
    ExecuteOptions options = kOptions;
    options.memory_budget = budget;
    options.on_progress = [&seen](std::uint64_t done) { seen.push_back(done); };
    static_cast<void>(Run(builder, options));
    EXPECT_TRUE(std::ranges::is_sorted(seen));
    const auto file_system = MakePosixFileSystem();
    Model model = Model::Load(*file_system, folder_ / "in.onnx");
    const Plan plan = MakePlan(model, testing::OfAnySize(selection_));
    model.Apply(plan.rewrite);
    const Layout layout = LayOut(model, plan, ExternalData::kAlways, "out.onnx.data", {});
    EXPECT_EQ(seen.back(), BytesToRead(model, plan, layout, options));
  }
}

}  // namespace
}  // namespace qi8
