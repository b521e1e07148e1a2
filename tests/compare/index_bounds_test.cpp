#include "compare/index_bounds.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/model_builder.hpp"
#include "support/temp_folder.hpp"

namespace qi8::compare {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::ModelBuilder;
using ::testing::Pair;
using testing::RandomValues;

class IndexBoundsTest : public ::testing::Test {
 protected:
  IndexBoundsTest() {
    builder_.Input("ids", {-1, -1}, onnx::TensorProto::INT64).Output("y", {-1, -1, 4});
    builder_.Initializer("table", {10, 4}, RandomValues(40));
  }
  [[nodiscard]] std::map<std::string, std::int64_t> Bounds() {
    builder_.Save(folder_ / "m.onnx");
    return IndexBounds(Model::Load(*MakePosixFileSystem(), folder_ / "m.onnx"));
  }
  testing::TempFolder folder_;
  ModelBuilder builder_;
};

TEST_F(IndexBoundsTest, AnInputThatIndexesATableIsBelowItsRows) {
  builder_.Node("Gather", {"table", "ids"}, {"y"});
  EXPECT_THAT(Bounds(), ElementsAre(Pair("ids", 10)));
}

TEST_F(IndexBoundsTest, TheAxisAndTheViewOfTheTableCount) {
  builder_.Node("Transpose", {"table"}, {"turned"});
  testing::SetInt(builder_.Node("Gather", {"turned", "ids"}, {"y"}), "axis", -1);
  EXPECT_THAT(Bounds(), ElementsAre(Pair("ids", 10)));
}

TEST_F(IndexBoundsTest, IsFollowedThroughOperatorsThatOnlyShowIt) {
  builder_.Int64Initializer("axes", {1}, {0});
  builder_.Node("Unsqueeze", {"ids", "axes"}, {"more"});
  testing::SetInt(builder_.Node("Cast", {"more"}, {"cast"}), "to", onnx::TensorProto::INT32);
  builder_.Node("Gather", {"table", "cast"}, {"y"});
  EXPECT_THAT(Bounds(), ElementsAre(Pair("ids", 10)));
}

TEST_F(IndexBoundsTest, TheSmallestTableCounts) {
  builder_.Initializer("small", {3, 4}, RandomValues(12));
  builder_.Node("Gather", {"table", "ids"}, {"a"});
  builder_.Node("Gather", {"small", "ids"}, {"b"});
  builder_.Node("Add", {"a", "b"}, {"y"});
  EXPECT_THAT(Bounds(), ElementsAre(Pair("ids", 3)));
}

TEST_F(IndexBoundsTest, WhatIsComputedFromAnInputIsAnotherMatter) {
  builder_.Node("Abs", {"ids"}, {"computed"});
  builder_.Node("Gather", {"table", "computed"}, {"y"});
  EXPECT_THAT(Bounds(), IsEmpty());
}

TEST_F(IndexBoundsTest, EmbeddingsWithNormalizationHaveTwoTables) {
  builder_.Input("segments", {-1, -1}, onnx::TensorProto::INT32).Import("com.microsoft");
  builder_.Initializer("segment_table", {2, 4}, RandomValues(8));
  auto& node = builder_.Node("EmbedLayerNormalization",
                             {"ids", "segments", "table", "table", "segment_table", "g", "b"}, {"y"});
  node.set_domain("com.microsoft");
  EXPECT_THAT(Bounds(), ElementsAre(Pair("ids", 10), Pair("segments", 2)));
}

}  // namespace
}  // namespace qi8::compare
