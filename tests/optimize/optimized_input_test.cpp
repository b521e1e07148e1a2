#include "optimize/optimized_input.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

#include "hash/sha256.hpp"
#include "qi8/error.hpp"
#include "support/copying_optimizer.hpp"
#include "support/memory_file_system.hpp"
#include "support/model_builder.hpp"
#include "support/temp_folder.hpp"

namespace qi8 {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class OptimizedInputTest : public ::testing::Test {
 protected:
  OptimizedInputTest() {
    testing::ModelBuilder builder;
    builder.Input("x", {2, 64}).Output("y", {2, 64});
    builder.Initializer("w", {64, 64}, testing::RandomValues(64 * 64), testing::Storage::kExternal);
    builder.Node("MatMul", {"x", "w"}, {"y"}, "only");
    const testing::TempFolder folder;
    builder.Save(folder / "m.onnx");
    files_.Add("in/m.onnx", testing::ReadFile(folder / "m.onnx"));
    files_.Add("in/m.onnx.data", testing::ReadFile(folder / "m.onnx.data"));
    files_.AddFolder("out");
    before_ = files_.Listing();
  }

  [[nodiscard]] Optimizing How() {
    return {.optimizer = optimizer_,
            .level = Optimization::kExtended,
            .beside = "out/q.onnx",
            .hash_source = true,
            .should_stop = [this] { return stop_; }};
  }

  [[nodiscard]] OptimizedInput Make(const Optimizing& how) {
    return {files_, Model::Load(files_, "in/m.onnx"), how};
  }

  [[nodiscard]] std::string Refusal() {
    try {
      const OptimizedInput input = Make(How());
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  testing::MemoryFileSystem files_;
  testing::CopyingOptimizer optimizer_{files_};
  std::map<std::string, std::string> before_;
  bool stop_ = false;
};

TEST_F(OptimizedInputTest, IsWhatTheOptimizerWroteAsLongAsItLives) {
  {
    const OptimizedInput input = Make(How());
    EXPECT_THAT(optimizer_.levels, ElementsAre(Optimization::kExtended));
    const Model model = input.Load();
    EXPECT_EQ(model.files()[0].file->path(), "out/.q.onnx.qi8-optimized/model.onnx");
    EXPECT_EQ(model.nodes().size(), 1U);
    EXPECT_EQ(input.source().files()[0].file->path(), "in/m.onnx");
    EXPECT_THAT(input.source_hashes(), ElementsAre(Sha256::HexOf(before_.at("in/m.onnx")),
                                                   Sha256::HexOf(before_.at("in/m.onnx.data"))));
  }
  EXPECT_EQ(files_.Listing(), before_);
}

TEST_F(OptimizedInputTest, HashesNothingWhereNothingIsWanted) {
  Optimizing how = How();
  how.hash_source = false;
  EXPECT_TRUE(Make(how).source_hashes().empty());
}

TEST_F(OptimizedInputTest, WhatAKilledRunLeftIsRemoved) {
  const auto out = files_.OpenFolder("out");
  static_cast<void>(StagingFolder::Claim(*out, ".q.onnx.qi8-optimized"));  // given up, and not removed
  files_.Add("out/.q.onnx.qi8-optimized/model.onnx", "half of a mod");
  files_.Add("out/.q.onnx.qi8-optimized/model.onnx.data", "and its data");
  { const OptimizedInput input = Make(How()); }
  EXPECT_EQ(files_.Listing(), before_);
}

TEST_F(OptimizedInputTest, WhatNoOptimizerWroteIsLeftAlone) {
  files_.Add("out/.q.onnx.qi8-optimized/model.onnx", "somebody's own");
  before_ = files_.Listing();
  EXPECT_THAT(Refusal(), HasSubstr("'out/.q.onnx.qi8-optimized' is in the way"));
  EXPECT_EQ(files_.Listing(), before_);
  const auto out = files_.OpenFolder("out");
  out->OpenFolder(".q.onnx.qi8-optimized")->Remove("model.onnx");
  static_cast<void>(StagingFolder::Claim(*out, ".q.onnx.qi8-optimized"));
  files_.Add("out/.q.onnx.qi8-optimized/odd", "somebody's own");
  before_ = files_.Listing();
  EXPECT_THAT(Refusal(), HasSubstr("no optimizer wrote it"));
  EXPECT_EQ(files_.Listing(), before_);
}

TEST_F(OptimizedInputTest, TwoCannotHaveOneFolder) {
  const OptimizedInput first = Make(How());
  EXPECT_THAT(Refusal(), HasSubstr("another run is optimizing the model of 'out/q.onnx'"));
  EXPECT_EQ(first.Load().nodes().size(), 1U) << "the first still has its own";
}

TEST_F(OptimizedInputTest, ASourceThatChangesMeanwhileIsRefused) {
  optimizer_.afterwards = [this] { files_.Add("in/m.onnx.data", "shorter"); };
  EXPECT_THAT(Refusal(), HasSubstr("'in/m.onnx.data' was changed while it was read"));
  before_["in/m.onnx.data"] = "shorter";
  EXPECT_EQ(files_.Listing(), before_);
}

TEST_F(OptimizedInputTest, AFailureOfTheOptimizerLeavesNothing) {
  optimizer_.afterwards = [] { throw Error(ErrorKind::kFailure, "no such operator"); };
  EXPECT_EQ(Refusal(), "no such operator");
  EXPECT_EQ(files_.Listing(), before_);
  optimizer_.afterwards = [] { throw std::runtime_error("out of something"); };
  EXPECT_THROW(static_cast<void>(Make(How())), std::runtime_error);
  EXPECT_EQ(files_.Listing(), before_);
}

TEST_F(OptimizedInputTest, WhatIsNoValidModelIsRefusedByTheNameOfTheSource) {
  optimizer_.afterwards = [this] { files_.OpenFolder("out/.q.onnx.qi8-optimized")->Remove("m.onnx.data"); };
  const OptimizedInput input = Make(How());
  EXPECT_THAT([&] { static_cast<void>(input.Load()); },
              ThrowsMessage<Error>(
                  AllOf(HasSubstr("made of 'in/m.onnx' is not a valid model: 'model.onnx': tensor 'w'"),
                        HasSubstr("'m.onnx.data'"), HasSubstr("without --optimize"))));
}

// What the optimizer made asks for the inputs that the source asks for, in every version of the format.
TEST_F(OptimizedInputTest, AsksForNoInputsThatTheSourceDoesNotAskFor) {
  for (const std::int64_t ir_version : {3, 4, 8}) {
    testing::ModelBuilder source(8, ir_version);
    source.Input("x", {2, 64}).Output("y", {2, 64});
    for (const char* name : {"w", "folded"}) {
      source.Input(name, {64}).Initializer(name, {64}, testing::RandomValues(64));
    }
    source.Node("Mul", {"x", "w"}, {"z"});
    source.Node("Mul", {"z", "folded"}, {"y"});
    files_.Add("in/m.onnx", source.model().SerializeAsString());
    optimizer_.afterwards = [&] {
      onnx::ModelProto model = source.model();
      auto& graph = *model.mutable_graph();
      graph.mutable_initializer(1)->set_name("new");
      graph.mutable_node(1)->set_input(1, "new");
      files_.Add("out/.q.onnx.qi8-optimized/model.onnx", model.SerializeAsString());
    };
    const OptimizedInput input = Make(How());
    const Model model = input.Load();
    const ModelHeader header = model.Header();
    EXPECT_EQ(header.ir_version, ir_version == 3 ? 4 : ir_version);
    ASSERT_EQ(header.inputs.size(), 1U);
    EXPECT_EQ(header.inputs[0].name, "x");
    // "w" may be replaced after as before, which no caller could until version 4.
    const auto w = std::ranges::find(model.values(), "w", &Value::name);
    ASSERT_NE(w, model.values().end());
    EXPECT_EQ(w->is_graph_input, ir_version != 3);
  }
}

TEST_F(OptimizedInputTest, StopsWhenAskedBeforeItBegins) {
  stop_ = true;
  EXPECT_EQ(Refusal(), "interrupted");
  EXPECT_TRUE(optimizer_.levels.empty());
  EXPECT_EQ(files_.Listing(), before_);
}

}  // namespace
}  // namespace qi8
