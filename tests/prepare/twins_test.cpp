#include "prepare/twins.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "prepare/prepare.hpp"
#include "qi8/error.hpp"
#include "support/any_size.hpp"
#include "support/memory_file_system.hpp"
#include "support/model_builder.hpp"

namespace qi8 {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::MemoryFileSystem;
using testing::ModelBuilder;
using ::testing::Pair;
using testing::RandomValues;

constexpr std::int64_t kRows = 600, kColumns = 96;  // more than a square, in one direction

[[nodiscard]] std::vector<float> Transposed(const std::vector<float>& values, std::size_t rows,
                                            std::size_t columns) {
  std::vector<float> turned(values.size());
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < columns; ++c) turned[c * rows + r] = values[r * columns + c];
  }
  return turned;
}

// A decoder with an embedding and, behind it, the same numbers transposed, as torch's exporter leaves them.
[[nodiscard]] ModelBuilder Decoder(const std::vector<float>& table, const std::vector<float>& head) {
  ModelBuilder builder(17);
  builder.Input("i", {3}, onnx::TensorProto::INT64).Output("y", {3, kRows});
  builder.Initializer("model.embed_tokens.weight", {kRows, kColumns}, table);
  builder.Initializer("onnx::MatMul_42", {kColumns, kRows}, head);
  builder.Node("Gather", {"model.embed_tokens.weight", "i"}, {"h"}, "embed");
  builder.Node("MatMul", {"h", "onnx::MatMul_42"}, {"y"}, "head");
  return builder;
}

[[nodiscard]] Model Load(MemoryFileSystem& files, ModelBuilder& builder) {
  files.Add("m.onnx", builder.model().SerializeAsString());
  return Model::Load(files, "m.onnx");
}

TEST(FindTwins, AMatrixAndItsTransposition) {
  const auto table = RandomValues(kRows * kColumns);
  ModelBuilder builder = Decoder(table, Transposed(table, kRows, kColumns));
  MemoryFileSystem files;
  EXPECT_THAT(FindTwins(Load(files, builder), {}), ElementsAre(Pair(1, 0)));
}

// One bit of one number, wherever it stands.
TEST(FindTwins, OneNumberThatDiffersIsEnough) {
  const auto table = RandomValues(kRows * kColumns);
  for (const std::size_t place : {0U, 599U, 30000U, 57599U}) {
    auto head = Transposed(table, kRows, kColumns);
    head[place] = -head[place];
    ModelBuilder builder = Decoder(table, head);
    MemoryFileSystem files;
    EXPECT_THAT(FindTwins(Load(files, builder), {}), IsEmpty()) << place;
  }
}

// The same dimensions, and no relation.
TEST(FindTwins, OthersAreNone) {
  ModelBuilder builder(17);
  builder.Input("x", {1, 96});
  for (int i = 0; i < 4; ++i) {
    builder.Initializer("w" + std::to_string(i), {96, 96}, RandomValues(96 * 96, static_cast<unsigned>(i)));
  }
  MemoryFileSystem files;
  EXPECT_THAT(FindTwins(Load(files, builder), {}), IsEmpty());
}

// The two branches of an If: a node of one cannot read a tensor of the other.
TEST(FindTwins, BodiesOfDifferentGraphsAreNone) {
  const auto table = RandomValues(kRows * kColumns);
  const auto turned = Transposed(table, kRows, kColumns);
  ModelBuilder builder(17);
  builder.Input("c", {}, onnx::TensorProto::BOOL).Input("x", {2, kRows}).Input("z", {2, kColumns});
  auto& node = builder.Node("If", {"c"}, {"y"}, "if");
  for (const bool then : {true, false}) {
    auto& attribute = *node.add_attribute();
    attribute.set_name(then ? "then_branch" : "else_branch");
    attribute.set_type(onnx::AttributeProto::GRAPH);
    ModelBuilder body(17);
    const std::string name = then ? "a" : "b";
    if (then) {
      body.Initializer(name, {kRows, kColumns}, table);
    } else {
      body.Initializer(name, {kColumns, kRows}, turned);
    }
    body.Node("MatMul", {then ? "x" : "z", name}, {name + "_y"}, name + "_product");
    body.Output(name + "_y", {});
    *attribute.mutable_g() = body.graph();
  }
  MemoryFileSystem files;
  EXPECT_THAT(FindTwins(Load(files, builder), {}), IsEmpty());
}

TEST(FindTwins, CanBeInterrupted) {
  const auto table = RandomValues(kRows * kColumns);
  ModelBuilder builder = Decoder(table, Transposed(table, kRows, kColumns));
  MemoryFileSystem files;
  const Model model = Load(files, builder);
  EXPECT_THROW(static_cast<void>(FindTwins(model, [] { return true; })), Error);
}

// One copy of the codes and of the scales, whichever node comes first; nothing is left of either in floating
// point.
TEST(Prepare, StoresTwinsOnce) {
  const auto table = RandomValues(kRows * kColumns);
  ModelBuilder builder = Decoder(table, Transposed(table, kRows, kColumns));
  MemoryFileSystem files;
  Model model = Load(files, builder);
  Origin origin;
  origin.options.selection = testing::OfAnySize();
  origin.source_sha256 = UnknownHashes(origin.options, model);
  const PreparedModel prepared = Prepare(std::move(model), origin, "q.data");
  ASSERT_EQ(prepared.plan.weights.size(), 1U);
  EXPECT_EQ(prepared.report.quantized_nodes, 2U);
  EXPECT_LT(prepared.layout.data_size, kRows * kColumns + 3 * kRows * sizeof(float) + 4096);
  EXPECT_EQ(prepared.plan.rewrite.removed_initializers.size(), 2U);
}

// What an earlier version wrote has both, and is verified as it was made.
TEST(Prepare, EarlierSchemasKnowNoTwins) {
  const auto table = RandomValues(kRows * kColumns);
  ModelBuilder builder = Decoder(table, Transposed(table, kRows, kColumns));
  MemoryFileSystem files;
  Model model = Load(files, builder);
  Origin origin;
  origin.schema = 2;
  origin.options.selection = testing::PerTensor(testing::OfAnySize());
  origin.source_sha256 = UnknownHashes(origin.options, model);
  EXPECT_EQ(Prepare(std::move(model), origin, "q.data").plan.weights.size(), 2U);
}

}  // namespace
}  // namespace qi8
