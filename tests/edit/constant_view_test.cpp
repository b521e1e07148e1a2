// Dimensions and strides of a constant behind operators, by hand, and random chains of them against moving
// the elements one by one.
#include "edit/constant_view.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "support/memory_file_system.hpp"
#include "support/model_builder.hpp"

namespace qi8 {
namespace {

using testing::Dims;
using testing::ModelBuilder;
using testing::RandomValues;
using testing::SetInt;
using testing::SetInts;

// The view of the first input of the last node, as "dim/stride dim/stride", or the skip.
[[nodiscard]] std::string ViewText(ModelBuilder& builder, const std::string& name) {
  builder.Node("MatMul", {name, "b"}, {"product_of_" + name});
  testing::MemoryFileSystem files;
  files.Add("m.onnx", builder.model().SerializeAsString());
  const Model model = Model::Load(files, "m.onnx");
  const auto view = ViewConstant(model, model.nodes().back().input_values[0]);
  if (const auto* skip = std::get_if<Skip>(&view)) return Identifier(skip->reason) + ": " + skip->detail;
  const auto& constant = std::get<ConstantView>(view);
  std::string text;
  for (std::size_t d = 0; d < constant.dims.size(); ++d) {
    text += (d > 0 ? " " : "") + std::to_string(constant.dims[d]);
    if (constant.dims[d] != 1) text += "/" + std::to_string(constant.strides[d]);
  }
  return text;
}

[[nodiscard]] ModelBuilder Stored(const Dims& dims) {
  ModelBuilder builder;
  std::size_t count = 1;
  for (const auto dim : dims) count *= static_cast<std::size_t>(dim);
  builder.Initializer("w", dims, RandomValues(count));
  return builder;
}

[[nodiscard]] std::string Reshaped(const Dims& from, const Dims& to) {
  auto builder = Stored(from);
  builder.Int64Initializer("shape", {static_cast<std::int64_t>(to.size())}, to);
  builder.Node("Reshape", {"w", "shape"}, {"v"});
  return ViewText(builder, "v");
}

TEST(ConstantView, OfWhatIsStored) {
  auto builder = Stored({3, 4});
  EXPECT_EQ(ViewText(builder, "w"), "3/4 4/1");
}

TEST(ConstantView, Transpose) {
  auto builder = Stored({2, 3, 4});
  SetInts(builder.Node("Transpose", {"w"}, {"a"}), "perm", {0, 2, 1});
  EXPECT_EQ(ViewText(builder, "a"), "2/12 4/1 3/4");
  builder.Node("Transpose", {"w"}, {"b"});
  EXPECT_EQ(ViewText(builder, "b"), "4/1 3/4 2/12") << "the other way round, where nothing is said";
  SetInts(builder.Node("Transpose", {"w"}, {"c"}), "perm", {0, 1, 1});
  EXPECT_EQ(ViewText(builder, "c"), "not-constant: behind a Transpose that cannot be folded");
  SetInts(builder.Node("Transpose", {"w"}, {"d"}), "perm", {1, 0});
  EXPECT_EQ(ViewText(builder, "d"), "not-constant: behind a Transpose that cannot be folded");
}

TEST(ConstantView, Reshape) {
  EXPECT_EQ(Reshaped({6, 4}, {2, 3, 4}), "2/12 3/4 4/1");
  EXPECT_EQ(Reshaped({6, 4}, {-1, 8}), "3/8 8/1");
  EXPECT_EQ(Reshaped({6, 4}, {0, 2, 2}), "6/4 2/2 2/1");
  EXPECT_EQ(Reshaped({6, 4}, {1, 24, 1}), "1 24/1 1");
  for (const Dims& wrong : std::vector<Dims>{{-1, -1}, {5, 5}, {7, -1}, {-2, -12}, {6, 4, 0}}) {
    EXPECT_EQ(Reshaped({6, 4}, wrong), "not-constant: behind a Reshape that cannot be folded");
  }
}

TEST(ConstantView, ReshapeOfATranspose) {
  auto builder = Stored({2, 3, 4});
  SetInts(builder.Node("Transpose", {"w"}, {"t"}), "perm", {2, 0, 1});
  builder.Int64Initializer("fine", {2}, {4, 6}).Int64Initializer("split", {4}, {2, 2, 2, 3});
  builder.Int64Initializer("mixed", {2}, {8, 3});
  builder.Node("Reshape", {"t", "fine"}, {"a"});
  EXPECT_EQ(ViewText(builder, "a"), "4/1 6/4") << "neighbours that were neighbours";
  builder.Node("Reshape", {"t", "split"}, {"b"});
  EXPECT_EQ(ViewText(builder, "b"), "2/2 2/1 2/12 3/4");
  builder.Node("Reshape", {"t", "mixed"}, {"c"});
  EXPECT_EQ(ViewText(builder, "c"), "not-constant: behind a Reshape that cannot be folded");
}

TEST(ConstantView, FlattenSqueezeUnsqueeze) {
  auto builder = Stored({1, 2, 3, 1});
  SetInt(builder.Node("Flatten", {"w"}, {"f"}), "axis", -2);
  EXPECT_EQ(ViewText(builder, "f"), "2/3 3/1");
  builder.Node("Squeeze", {"w"}, {"s"});
  EXPECT_EQ(ViewText(builder, "s"), "2/3 3/1");
  builder.Int64Initializer("last", {1}, {-1}).Node("Squeeze", {"w", "last"}, {"l"});
  EXPECT_EQ(ViewText(builder, "l"), "1 2/3 3/1");
  builder.Int64Initializer("far", {1}, {9}).Node("Squeeze", {"w", "far"}, {"no"});
  EXPECT_EQ(ViewText(builder, "no"), "not-constant: behind a Squeeze that cannot be folded");
  builder.Int64Initializer("two", {2}, {0, 3}).Node("Unsqueeze", {"s", "two"}, {"u"});
  EXPECT_EQ(ViewText(builder, "u"), "1 2/3 3/1 1");
  builder.Int64Initializer("twice", {2}, {0, 0}).Node("Unsqueeze", {"s", "twice"}, {"bad"});
  EXPECT_EQ(ViewText(builder, "bad"), "not-constant: behind a Unsqueeze that cannot be folded");
}

TEST(ConstantView, CastsAmongFloatsOnly) {
  auto builder = Stored({3});
  SetInt(builder.Node("Cast", {"w"}, {"half"}), "to", onnx::TensorProto::FLOAT16);
  EXPECT_EQ(ViewText(builder, "half"), "3/1");
  SetInt(builder.Node("Cast", {"w"}, {"int"}), "to", onnx::TensorProto::INT64);
  EXPECT_EQ(ViewText(builder, "int"), "not-constant: behind a Cast that cannot be folded");
}

TEST(ConstantView, ShapesThatAreComputedOrMayBeReplaced) {
  auto builder = Stored({6, 4});
  builder.Input("given", {1}, onnx::TensorProto::INT64).Int64Initializer("given", {1}, {24});
  builder.Node("Reshape", {"w", "given"}, {"a"});
  EXPECT_EQ(ViewText(builder, "a"), "not-constant: behind a Reshape that cannot be folded");
  builder.Node("Shape", {"x"}, {"computed"});
  builder.Node("Reshape", {"w", "computed"}, {"b"});
  EXPECT_EQ(ViewText(builder, "b"), "not-constant: behind a Reshape that cannot be folded");
}

TEST(ConstantView, EndsInALongChain) {
  ModelBuilder builder;
  builder.Initializer("v0", {4}, RandomValues(4));
  for (int i = 0; i < 100; ++i) {
    builder.Node("Identity", {"v" + std::to_string(i)}, {"v" + std::to_string(i + 1)});
  }
  EXPECT_EQ(ViewText(builder, "v100"), "not-constant: behind too many operators");
}

TEST(ConstantView, SparseTensors) {
  ModelBuilder builder;
  auto& sparse = *builder.Node("Constant", {}, {"w"}).add_attribute();
  sparse.set_name("sparse_value");
  sparse.set_type(onnx::AttributeProto::SPARSE_TENSOR);
  sparse.mutable_sparse_tensor()->add_dims(20);
  EXPECT_EQ(ViewText(builder, "w"), "sparse: ");
}

TEST(ConstantView, WhatIsRestoredFromFewBits) {
  ModelBuilder builder;
  builder.Node("DequantizeLinear", {"codes", "scale"}, {"w"});
  EXPECT_EQ(ViewText(builder, "w"), "quantized: ");
}

// Random chains of Transpose and Reshape: the view leads to the elements that the operators would have moved.
TEST(ConstantView, RandomChainsLeadToTheRightElements) {
  std::mt19937 random(3);
  int views = 0;
  for (int round = 0; round < 300; ++round) {
    Dims dims = {2, 3, 4, 5};
    auto builder = Stored(dims);
    std::vector<std::uint64_t> elements(120);  // which stored element stands where
    for (std::size_t i = 0; i < elements.size(); ++i) elements[i] = i;
    std::string name = "w";
    for (int step = 0; step < 3; ++step) {
      const std::string next = "v" + std::to_string(step);
      if (random() % 2 == 0) {
        Dims perm(dims.size());
        for (std::size_t d = 0; d < perm.size(); ++d) perm[d] = static_cast<std::int64_t>(d);
        std::ranges::shuffle(perm, random);
        SetInts(builder.Node("Transpose", {name}, {next}), "perm", perm);
        std::vector<std::uint64_t> strides(dims.size(), 1), moved;
        for (std::size_t d = dims.size(); d-- > 1;) {
          strides[d - 1] = strides[d] * static_cast<std::uint64_t>(dims[d]);
        }
        Dims after;
        for (const auto p : perm) after.push_back(dims[static_cast<std::size_t>(p)]);
        for (std::uint64_t i = 0; i < elements.size(); ++i) {
          std::uint64_t rest = i, from = 0;
          for (std::size_t d = after.size(); d-- > 0;) {
            from += rest % static_cast<std::uint64_t>(after[d]) * strides[static_cast<std::size_t>(perm[d])];
            rest /= static_cast<std::uint64_t>(after[d]);
          }
          moved.push_back(elements[from]);
        }
        elements = moved;
        dims = after;
      } else {
        const std::vector<Dims> shapes = {{6, 20}, {2, 60}, {2, 3, 20}, {120}, {4, 1, 30}, {24, 5}, {8, 15}};
        dims = shapes[random() % shapes.size()];
        builder.Int64Initializer(next + "_shape", {static_cast<std::int64_t>(dims.size())}, dims);
        builder.Node("Reshape", {name, next + "_shape"}, {next});
      }
      name = next;
    }
    builder.Node("MatMul", {name, "b"}, {"product"});
    testing::MemoryFileSystem files;
    files.Add("m.onnx", builder.model().SerializeAsString());
    const Model model = Model::Load(files, "m.onnx");
    const auto view = ViewConstant(model, model.nodes().back().input_values[0]);
    const auto* constant = std::get_if<ConstantView>(&view);
    if (constant == nullptr) continue;
    ++views;
    ASSERT_EQ(constant->dims, dims);
    for (std::uint64_t i = 0; i < elements.size(); ++i) {
      std::uint64_t rest = i, stored = 0;
      for (std::size_t d = dims.size(); d-- > 0;) {
        stored += rest % static_cast<std::uint64_t>(dims[d]) * constant->strides[d];
        rest /= static_cast<std::uint64_t>(dims[d]);
      }
      ASSERT_EQ(stored, elements[i]) << "round " << round << ", element " << i;
    }
  }
  EXPECT_GT(views, 100);
}

}  // namespace
}  // namespace qi8
