// Where every output byte goes.
#include "plan/layout.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "plan/planned.hpp"
#include "qi8/error.hpp"

namespace qi8 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::ModelBuilder;
using testing::Planned;
using testing::RandomValues;

// Tensors of the rewritten model that lie in the data file: name to range.
[[nodiscard]] std::map<std::string, ByteRange> InData(const onnx::ModelProto& model) {
  std::map<std::string, ByteRange> ranges;
  for (const auto& tensor : model.graph().initializer()) {
    if (tensor.data_location() != onnx::TensorProto::EXTERNAL) continue;
    std::map<std::string, std::string> entries;
    for (const auto& entry : tensor.external_data()) entries[entry.key()] = entry.value();
    EXPECT_EQ(entries.at("location"), "out.onnx.data");
    ranges[tensor.name()] = {std::stoull(entries.at("offset")), std::stoull(entries.at("length"))};
  }
  return ranges;
}

// Weights and copies of odd sizes, in the model and in two files, read in no particular order.
[[nodiscard]] Planned Mixed(ModelBuilder& builder) {
  Planned planned;
  for (int i = 0; i < 12; ++i) {
    const std::string name = "w" + std::to_string(i);
    const std::int64_t n = 33 + 7 * i;
    const std::string file = i % 2 == 0 ? "even" : "odd";
    testing::External(builder.graph(), name, {40, n}, file, 100'000U * static_cast<unsigned>(12 - i));
    builder.Node(i % 3 == 0 ? "Op" : "MatMul", {"x", name}, {"y" + std::to_string(i)});
  }
  builder.Initializer("inline", {300}, RandomValues(300)).Initializer("small", {3}, RandomValues(3));
  builder.Initializer("large", {600, 700}, std::vector<float>(420'000)).Node("MatMul", {"x", "large"}, {"z"});
  testing::External(builder.graph(), "page", {600, 700}, "odd", 4);
  builder.Node("Op", {"page"}, {"copied"});
  planned.files->AddZeros("even", 2'000'000);
  planned.files->AddZeros("odd", 2'000'000);
  planned.Make(builder);
  return planned;
}

TEST(Layout, TheDataFileIsWrittenFromFrontToBack) {
  ModelBuilder builder;
  Planned planned = Mixed(builder);
  const Layout layout = planned.LayOutNow();
  const auto ranges = InData(planned.Rewritten());
  std::vector<ByteRange> sorted;
  for (const auto& [name, range] : ranges) sorted.push_back(range);
  std::ranges::sort(sorted);
  std::uint64_t end = 0;
  for (const ByteRange& range : sorted) {
    EXPECT_GE(range.offset, end) << "two tensors overlap";
    EXPECT_EQ(range.offset % 64, 0U);
    if (range.length >= 1U << 20U) {
      EXPECT_EQ(range.offset % 4096, 0U);
    } else {
      EXPECT_LT(range.offset, end + 64) << "a gap larger than alignment needs";
    }
    end = range.end();
  }
  EXPECT_EQ(layout.data_size, end);
  EXPECT_EQ(ranges.at("page").length, 1'680'000U) << "one that is large enough for a page of its own";

  // In the order of the work, which is that of the input.
  std::vector<TensorSource> sources;
  std::vector<std::uint64_t> offsets;
  for (const WorkItem& item : layout.work) {
    sources.push_back(planned.model->tensors()[item.source].source);
    if (layout.places[item.output].file == OutputFile::kData)
      offsets.push_back(layout.places[item.output].offset);
  }
  EXPECT_TRUE(std::ranges::is_sorted(sources));
  EXPECT_TRUE(std::ranges::is_sorted(offsets));
  EXPECT_EQ(layout.work.size(), 16U);
}

TEST(Layout, PlacesAreWhatTheModelSays) {
  for (const ExternalData external_data :
       {ExternalData::kAlways, ExternalData::kNever, ExternalData::kAuto}) {
    ModelBuilder builder;
    Planned planned = Mixed(builder);
    const Layout layout = planned.LayOutNow(external_data);
    const ModelImage image = planned.model->Render({});
    EXPECT_EQ(image.size, layout.model_size);
    EXPECT_EQ(testing::Assemble(image, testing::Zeros).size(), layout.model_size);
    for (const auto& slot : image.slots) {
      EXPECT_EQ(layout.places[slot.tensor].file, OutputFile::kModel);
      EXPECT_EQ(layout.places[slot.tensor].offset, slot.offset);
    }
    const auto ranges = InData(planned.Rewritten());
    EXPECT_EQ(ranges.empty(), external_data != ExternalData::kAlways);
    EXPECT_EQ(layout.data_size > 0, external_data == ExternalData::kAlways);
    for (const auto& tensor : planned.plan.weights) {
      const auto& name =
          planned.plan.rewrite.new_tensors[tensor.codes() - planned.model->tensors().size()].name;
      if (ranges.contains(name)) {
        EXPECT_EQ(layout.places[tensor.codes()].file, OutputFile::kData);
        EXPECT_EQ(layout.places[tensor.codes()].offset, ranges.at(name).offset);
      }
    }
  }
}

TEST(Layout, SmallTensorsStandInTheModel) {
  ModelBuilder builder;
  builder.Initializer("below", {255}, RandomValues(255)).Initializer("just", {256}, RandomValues(256));
  builder.Initializer("w", {16, 64}, RandomValues(1024)).Node("MatMul", {"x", "w"}, {"y"});
  builder.Node("Op", {"below", "just"}, {"z"});
  Planned planned = testing::PlanOf(builder);
  const Layout layout = planned.LayOutNow();
  const auto ranges = InData(planned.Rewritten());
  EXPECT_EQ(ranges.size(), 2U);
  EXPECT_TRUE(ranges.contains("just") && ranges.contains("w_quantized")) << "of 1,024 bytes each";
  EXPECT_EQ(layout.data_size, 2048U);
}

TEST(Layout, CopiesOfTheSameBytesAreOne) {
  ModelBuilder builder;
  for (const char* name : {"a", "b"}) testing::External(builder.graph(), name, {1000}, "d", 64);
  testing::External(builder.graph(), "c", {1000}, "d", 128);
  builder.Node("Op", {"a", "b", "c"}, {"y"});
  Planned planned;
  planned.files->AddZeros("d", 5000);
  planned.Make(builder);
  const Layout layout = planned.LayOutNow();
  const auto ranges = InData(planned.Rewritten());
  EXPECT_EQ(ranges.at("a"), ranges.at("b"));
  EXPECT_NE(ranges.at("a"), ranges.at("c"));
  EXPECT_EQ(layout.work.size(), 2U);
  EXPECT_EQ(layout.data_size, 4032U + 4000U);

  Planned inside;
  inside.files->AddZeros("d", 5000);
  inside.Make(builder);
  EXPECT_EQ(inside.LayOutNow(ExternalData::kNever).work.size(), 3U) << "in the model each has its own";
}

TEST(Layout, ScalesFollowTheirWeight) {
  ModelBuilder builder;
  builder.Initializer("w", {8, 1024}, RandomValues(8192)).Node("MatMul", {"x", "w"}, {"y"});
  testing::SetFloat(builder.Node("Gemm", {"x", "w"}, {"z"}), "alpha", 2);
  Planned planned = testing::PlanOf(builder);
  static_cast<void>(planned.LayOutNow());
  const auto ranges = InData(planned.Rewritten());
  EXPECT_EQ(ranges.at("w_quantized"), (ByteRange{0, 8192}));
  EXPECT_EQ(ranges.at("w_scale"), (ByteRange{8192, 4096}));
  EXPECT_EQ(ranges.at("w_scale_2"), (ByteRange{12288, 4096}));
}

TEST(Layout, NothingInTheDataFileMeansNone) {
  ModelBuilder builder;
  builder.Initializer("w", {8, 8}, RandomValues(64)).Node("MatMul", {"x", "w"}, {"y"});
  Planned planned = testing::PlanOf(builder);
  const Layout layout = planned.LayOutNow();
  EXPECT_EQ(layout.data_size, 0U);
  EXPECT_EQ(layout.work.size(), 1U);
}

TEST(Layout, MetadataCounts) {
  ModelBuilder builder;
  builder.Initializer("w", {8, 8}, RandomValues(64)).Node("MatMul", {"x", "w"}, {"y"});
  Planned planned = testing::PlanOf(builder);
  planned.model->Apply(planned.plan.rewrite);
  const std::vector<MetadataEntry> metadata = {{"key", std::string(1000, 'v')}};
  const Layout layout =
      LayOut(*planned.model, planned.plan, ExternalData::kAlways, "out.onnx.data", metadata);
  EXPECT_EQ(planned.model->Render(metadata).size, layout.model_size);
  EXPECT_GT(layout.model_size, 1000U);
}

// ---------------------------------------------------------------- sizes beyond memory

// A copy and a weight of these sizes in bytes.
[[nodiscard]] Planned Huge(ModelBuilder& builder, std::uint64_t copy, std::uint64_t weight) {
  Planned planned;
  testing::External(builder.graph(), "copy", {static_cast<std::int64_t>(copy / 4)}, "d", 0);
  testing::External(builder.graph(), "w", {static_cast<std::int64_t>(weight / 4096), 1024}, "d", copy);
  builder.Node("Op", {"copy"}, {"z"});
  builder.Node("MatMul", {"x", "w"}, {"y"});
  planned.files->AddZeros("d", copy + weight);
  planned.Make(builder);
  return planned;
}

TEST(LayoutOfHugeModels, AreNeverRefusedWithADataFile) {
  for (const std::uint64_t gibibytes : {2ULL, 5ULL, 5000ULL}) {
    ModelBuilder builder;
    Planned planned = Huge(builder, gibibytes << 30U, 4 * gibibytes << 30U);
    const Layout layout = planned.LayOutNow();
    EXPECT_EQ(layout.data_size, (2 * gibibytes << 30U) + 4096);
    EXPECT_LT(layout.model_size, 2000U);
    EXPECT_TRUE(planned.files->reads().size() < 20) << "and nothing of it is read";
  }
}

TEST(LayoutOfHugeModels, AutoTakesTheModelBelowOneGibibyte) {
  for (const auto& [copy, inside] : {std::pair(0x3ff00000ULL, true), std::pair(0x40000000ULL, false)}) {
    ModelBuilder builder;
    Planned planned = Huge(builder, copy, 4096);
    EXPECT_EQ(planned.LayOutNow(ExternalData::kAuto).data_size == 0, inside) << copy;
  }
}

TEST(LayoutOfHugeModels, NeverEndsAtTheLimitOfProtobuf) {
  ModelBuilder fits;
  Planned fitting = Huge(fits, 0x7ff00000ULL, 4096);
  const Layout layout = fitting.LayOutNow(ExternalData::kNever);
  EXPECT_EQ(layout.data_size, 0U);
  EXPECT_GT(layout.model_size, 0x7ff00000ULL);

  for (const std::uint64_t copy : {0x7ffff000ULL, 0x80000000ULL}) {
    ModelBuilder builder;
    Planned planned = Huge(builder, copy, 4096);
    try {
      static_cast<void>(planned.LayOutNow(ExternalData::kNever));
      ADD_FAILURE() << "it was laid out";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kFailure);
      EXPECT_THAT(error.what(), HasSubstr("2 GiB"));
    }
  }
}

// Tensors may overlap, so that a small file can ask for more bytes than there are numbers.
TEST(LayoutOfHugeModels, TotalsThatOverflowAreRefused) {
  for (const ExternalData external_data :
       {ExternalData::kAlways, ExternalData::kNever, ExternalData::kAuto}) {
    ModelBuilder builder;
    for (unsigned i = 0; i < 20; ++i) {
      testing::External(builder.graph(), "t" + std::to_string(i), {(std::int64_t{1} << 58U) - 20}, "d",
                        4 * i);
    }
    Planned planned;
    planned.files->AddZeros("d", std::uint64_t{1} << 60U);
    planned.Make(builder);
    EXPECT_THROW(static_cast<void>(planned.LayOutNow(external_data)), Error);
  }
}

}  // namespace
}  // namespace qi8
