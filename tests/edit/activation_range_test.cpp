#include "edit/activation_range.hpp"

#include <gtest/gtest.h>

#include <string>

#include "support/memory_file_system.hpp"
#include "support/model_builder.hpp"

namespace qi8 {
namespace {

using testing::ModelBuilder;
using testing::RandomValues;

// Of the value of that name.
[[nodiscard]] ActivationRange RangeOf(ModelBuilder& builder, const std::string& name) {
  testing::MemoryFileSystem files;
  files.Add("m.onnx", builder.model().SerializeAsString());
  const Model model = Model::Load(files, "m.onnx");
  const auto ranges = InferRanges(model);
  for (ValueId id = 0; id < model.values().size(); ++id) {
    if (model.values()[id].name == name) return ranges.at(id);
  }
  ADD_FAILURE() << "no value " << name;
  return ActivationRange::kUnknown;
}

[[nodiscard]] ModelBuilder WithConstants() {
  ModelBuilder builder;
  builder.Input("x", {2, 8});
  builder.Initializer("w", {8, 8}, RandomValues(64)).Initializer("b", {8}, RandomValues(8));
  builder.Initializer("one", {}, RandomValues(1)).Initializer("half", {}, RandomValues(1));
  return builder;
}

TEST(InferRanges, NothingIsKnownOfInputsAndOfWhatComesFromThem) {
  ModelBuilder builder = WithConstants();
  builder.Node("MatMul", {"x", "w"}, {"product"});
  builder.Node("Mul", {"product", "product"}, {"square"});
  builder.Node("Exp", {"product"}, {"exponential"});
  for (const char* name : {"x", "product", "square", "exponential"}) {
    EXPECT_EQ(RangeOf(builder, name), ActivationRange::kUnknown) << name;
  }
}

TEST(InferRanges, NormsAreCentered) {
  ModelBuilder builder = WithConstants();
  builder.Node("LayerNormalization", {"x", "b", "b"}, {"norm"});
  builder.Node("MatMul", {"norm", "w"}, {"product"});
  builder.Node("Add", {"product", "b"}, {"biased"});
  builder.Node("Add", {"x", "biased"}, {"residual"});
  builder.Node("Transpose", {"residual"}, {"turned"});
  for (const char* name : {"norm", "product", "biased", "residual", "turned"}) {
    EXPECT_EQ(RangeOf(builder, name), ActivationRange::kCentered) << name;
  }
}

// As exporters write it before opset 17.
TEST(InferRanges, ANormOfSingleOperators) {
  ModelBuilder builder = WithConstants();
  builder.Node("ReduceMean", {"x"}, {"mean"});
  builder.Node("Sub", {"x", "mean"}, {"difference"});
  builder.Node("Sub", {"x", "one"}, {"less_one"});
  builder.Node("Sqrt", {"x"}, {"deviation"});
  builder.Node("Div", {"difference", "deviation"}, {"normal"});
  builder.Node("Mul", {"normal", "b"}, {"scaled"});
  builder.Node("Add", {"scaled", "b"}, {"norm"});
  EXPECT_EQ(RangeOf(builder, "norm"), ActivationRange::kCentered);
  EXPECT_EQ(RangeOf(builder, "less_one"), ActivationRange::kUnknown);
}

// A power spectrum: the squares of real and imaginary part, added up.
TEST(InferRanges, ASumOfSquaresIsNotCentered) {
  ModelBuilder builder = WithConstants();
  builder.Node("LayerNormalization", {"x", "b", "b"}, {"norm"});
  builder.Node("Mul", {"norm", "norm"}, {"a"});
  builder.Node("Mul", {"norm", "norm"}, {"c"});
  builder.Node("Add", {"a", "c"}, {"power"});
  EXPECT_EQ(RangeOf(builder, "power"), ActivationRange::kUnknown);
}

TEST(InferRanges, GatesHaveALowerTail) {
  ModelBuilder builder = WithConstants();
  builder.Node("LayerNormalization", {"x", "b", "b"}, {"norm"});
  builder.Node("Erf", {"norm"}, {"erf"});
  builder.Node("Add", {"erf", "one"}, {"from_zero"});
  builder.Node("Mul", {"norm", "from_zero"}, {"doubled"});
  builder.Node("Mul", {"doubled", "half"}, {"gelu"});
  builder.Node("Mul", {"from_zero", "half"}, {"normal_distribution"});
  builder.Node("Mul", {"norm", "normal_distribution"}, {"gelu_too"});
  builder.Node("Sigmoid", {"norm"}, {"sigmoid"});
  builder.Node("Mul", {"norm", "sigmoid"}, {"silu"});
  builder.Node("Gelu", {"x"}, {"one_operator"});
  for (const char* name : {"gelu", "gelu_too", "silu", "one_operator"}) {
    EXPECT_EQ(RangeOf(builder, name), ActivationRange::kLowerTail) << name;
  }
  EXPECT_EQ(RangeOf(builder, "sigmoid"), ActivationRange::kNonNegative);
  // The second factor of a gated unit has both signs; a product of two gates has one.
  builder.Node("MatMul", {"norm", "w"}, {"up"});
  builder.Node("Mul", {"silu", "up"}, {"gated"});
  builder.Node("Mul", {"silu", "gelu"}, {"positive"});
  EXPECT_EQ(RangeOf(builder, "gated"), ActivationRange::kCentered);
  EXPECT_EQ(RangeOf(builder, "positive"), ActivationRange::kUnknown);
}

TEST(InferRanges, EmbeddingsAndMeansOfValues) {
  ModelBuilder builder = WithConstants();
  builder.Input("i", {3}, onnx::TensorProto::INT64);
  builder.Node("Gather", {"w", "i"}, {"rows"});
  builder.Node("Softmax", {"x"}, {"probabilities"});
  builder.Node("MatMul", {"probabilities", "rows"}, {"means"});
  builder.Node("Relu", {"x"}, {"rectified"});
  builder.Node("Concat", {"rows", "means"}, {"both"});
  builder.Node("Concat", {"rows", "x"}, {"mixed"});
  EXPECT_EQ(RangeOf(builder, "rows"), ActivationRange::kCentered);
  EXPECT_EQ(RangeOf(builder, "means"), ActivationRange::kCentered);
  EXPECT_EQ(RangeOf(builder, "rectified"), ActivationRange::kNonNegative);
  EXPECT_EQ(RangeOf(builder, "both"), ActivationRange::kCentered);
  EXPECT_EQ(RangeOf(builder, "mixed"), ActivationRange::kUnknown);
}

// A model may call its own function by the name of a norm.
TEST(InferRanges, OtherDomainsAreUnknown) {
  ModelBuilder builder = WithConstants();
  builder.Node("LayerNormalization", {"x", "b", "b"}, {"norm"}).set_domain("their.own");
  EXPECT_EQ(RangeOf(builder, "norm"), ActivationRange::kUnknown);
}

}  // namespace
}  // namespace qi8
