#include "prepare/prepare.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "support/any_size.hpp"
#include "support/memory_file_system.hpp"
#include "support/model_builder.hpp"

namespace qi8 {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Key;
using testing::MemoryFileSystem;
using testing::ModelBuilder;
using testing::OfAnySize;
using testing::RandomValues;

// Two products, one of whose weights has a NaN; and metadata, some of it of an earlier run.
[[nodiscard]] Model TwoProducts(MemoryFileSystem& files) {
  ModelBuilder builder;
  auto damaged = RandomValues(64 * 64);
  damaged[7] = NAN;
  builder.Initializer("w", {64, 64}, RandomValues(64 * 64)).Initializer("damaged", {64, 64}, damaged);
  builder.Input("x", {2, 64}).Output("y", {2, 64}).Output("z", {2, 64});
  builder.Node("MatMul", {"x", "w"}, {"y"}, "m");
  builder.Node("MatMul", {"x", "damaged"}, {"z"}, "n");
  for (const char* key : {"quantize-int8.seal", "author"}) {
    auto& property = *builder.model().add_metadata_props();
    property.set_key(key);
    property.set_value("before");
  }
  files.Add("m.onnx", builder.model().SerializeAsString());
  return Model::Load(files, "m.onnx");
}

[[nodiscard]] Origin OriginWith(const Model& model) {
  Origin origin;
  origin.options.selection = OfAnySize();
  origin.source_sha256 = UnknownHashes(origin.options, model);
  return origin;
}

TEST(Prepare, PlansRewritesAndLaysOut) {
  MemoryFileSystem files;
  Model model = TwoProducts(files);
  const Origin origin = OriginWith(model);
  PreparedModel prepared = Prepare(std::move(model), origin, "q.data");
  EXPECT_EQ(prepared.plan.weights.size(), 2U);
  EXPECT_EQ(prepared.report.quantized_nodes, 2U);
  EXPECT_EQ(prepared.report.inputs.size(), 1U);
  EXPECT_THAT(prepared.report.outputs, IsEmpty());
  EXPECT_EQ(prepared.layout.data_size, 2U * 64 * 64);

  // The length of the graph is that of the layout, with the hashes that are known by then.
  Origin known = origin;
  known.source_sha256 = {std::string(64, 'a')};
  const auto image = prepared.model.Render(OriginMetadata(known));
  onnx::ModelProto written;
  const std::string bytes = testing::Assemble(image, testing::Zeros);
  EXPECT_EQ(bytes.size(), prepared.layout.model_size);
  ASSERT_TRUE(written.ParseFromString(bytes));
  EXPECT_EQ(written.graph().initializer(0).external_data(0).value(), "q.data");
  EXPECT_EQ(written.metadata_props(0).key(), "author");
  EXPECT_EQ(written.metadata_props(written.metadata_props_size() - 1).value().size(), 64U)
      << "a seal of its own";
}

TEST(Prepare, LeavesTensorsThatAreKept) {
  MemoryFileSystem files;
  Model model = TwoProducts(files);
  const auto found = FindUnstorable(model, OfAnySize(), {});
  EXPECT_THAT(found, ElementsAre(Key(1)));
  EXPECT_EQ(found.at(1).index, 7U);
  const Origin origin = OriginWith(model);
  const PreparedModel prepared = Prepare(std::move(model), origin, "q.data", TensorsOf(found));
  EXPECT_EQ(prepared.plan.weights.size(), 1U);
  EXPECT_EQ(prepared.layout.data_size, 64 * 64 * sizeof(float) + 64 * 64);
}

}  // namespace
}  // namespace qi8
