// Operators that are quantized where asked for, FP32 against INT8 on ONNX Runtime.

#include <numeric>

#include "real_models/operators.hpp"

namespace qi8::testing {
namespace {

[[nodiscard]] std::size_t Count(const Dims& dims) {
  return static_cast<std::size_t>(
      std::accumulate(dims.begin(), dims.end(), std::int64_t{1}, std::multiplies<>()));
}

[[nodiscard]] double StepOf(const std::vector<float>& x) {
  const auto [min, max] = std::ranges::minmax(x);
  return (std::max(0.0, static_cast<double>(max)) - std::min(0.0, static_cast<double>(min))) / 255;
}

// ---- Conv

struct ConvCase {
  const char* name;
  Dims x, w;
  std::int64_t group;
  std::vector<std::int64_t> strides, pads, dilations;
  bool bias;
};

void PrintTo(const ConvCase& form, std::ostream* out) { *out << form.name; }

class Convs : public Operators, public ::testing::WithParamInterface<std::tuple<ConvCase, const char*>> {};

// Against FP32 with the weights that the codes stand for: what is left is the step of the activation, for
// each weight of a channel.
TEST_P(Convs, AreWithinTheBound) {
  const auto& [form, target] = GetParam();
  ModelBuilder builder;
  const auto x = RandomValues(Count(form.x), 2);
  builder.Input("x", form.x).Output("y", Dims(form.x.size(), -1));
  builder.Initializer("w", form.w, RandomValues(Count(form.w), 1, 0.1F));
  std::vector<std::string> inputs = {"x", "w"};
  if (form.bias) {
    SetTensor(builder.Node("Constant", {}, {"b"}), "value", {form.w[0]},
              RandomValues(static_cast<std::size_t>(form.w[0]), 3));
    inputs.emplace_back("b");
  }
  auto& conv = builder.Node("Conv", inputs, {"y"});
  SetInt(conv, "group", form.group);
  SetInts(conv, "strides", form.strides);
  SetInts(conv, "pads", form.pads);
  SetInts(conv, "dilations", form.dilations);
  const auto outputs = Run(builder, {FloatTensor(form.x, x)}, {"--ops", "Conv", "--target-ort", target});
  EXPECT_TRUE(OptimizedOperators(folder_ / "int8.onnx").contains("ConvInteger"));

  auto& weight = *builder.graph().mutable_initializer(0);
  RoundRows(weight);
  builder.Save(folder_ / "rounded.onnx");
  const runtime::Tensor expected = RunModel(folder_ / "rounded.onnx", {FloatTensor(form.x, x)}).at(0);
  std::vector<float> values(Count(form.w));
  std::memcpy(values.data(), weight.raw_data().data(), weight.raw_data().size());
  const RowMajor rows = Matrix(values, form.w[0], static_cast<std::int64_t>(values.size()) / form.w[0]);
  const auto exact = expected.As<float>();
  for (const runtime::Tensor& int8 : outputs.int8) {
    const auto found = int8.As<float>();
    ASSERT_EQ(int8.shape, expected.shape);
    const std::size_t points = found.size() / static_cast<std::size_t>(expected.shape[0] * expected.shape[1]);
    for (std::size_t i = 0; i < found.size(); ++i) {
      const auto channel = static_cast<Eigen::Index>(i / points) % form.w[0];
      const double sum = static_cast<double>(rows.row(channel).cwiseAbs().sum());
      ASSERT_NEAR(found[i], exact[i], StepOf(x) * sum + 1e-4) << i;
    }
    EXPECT_NE(std::memcmp(found.data(), exact.data(), found.size_bytes()), 0) << "nothing was quantized";
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, Convs,
    ::testing::Combine(
        ::testing::Values(
            ConvCase{"Plain", {2, 8, 9, 11}, {16, 8, 3, 3}, 1, {1, 1}, {0, 0, 0, 0}, {1, 1}, true},
            ConvCase{"Grouped", {1, 8, 9, 9}, {16, 2, 3, 3}, 4, {2, 1}, {1, 1, 1, 1}, {1, 1}, false},
            ConvCase{"Dilated", {1, 4, 12, 12}, {6, 4, 3, 3}, 1, {1, 1}, {2, 2, 2, 2}, {2, 2}, true},
            ConvCase{"Sound", {1, 4, 100}, {6, 4, 5}, 1, {2}, {2, 2}, {1}, true},
            ConvCase{"Depthwise", {1, 8, 9, 9}, {8, 1, 3, 3}, 8, {1, 1}, {1, 1, 1, 1}, {1, 1}, true}),
        ::testing::Values("1.16", "1.24.0")),
    [](const auto& test) {
      return std::string(std::get<0>(test.param).name) +
             (std::string(std::get<1>(test.param)) == "1.16" ? "Uint8" : "Int8");
    });

// ---- LSTM

class Recurrent : public Operators, public ::testing::WithParamInterface<const char*> {};

// The operator quantizes its input and its state at each step, and what a step gets wrong goes into the next:
// no bound by element is of use. 25 dB are what eight bits of activation leave of a sequence that does not
// saturate.
TEST_P(Recurrent, Lstm) {
  const std::string direction = GetParam();
  const std::int64_t directions = direction == "bidirectional" ? 2 : 1;
  constexpr std::int64_t kSteps = 12, kInputs = 24, kHidden = 16;
  ModelBuilder builder;
  builder.Input("x", {kSteps, 1, kInputs})
      .Input("h", {directions, 1, kHidden})
      .Input("c", {directions, 1, kHidden});
  builder.Output("y", {kSteps, directions, 1, kHidden}).Output("y_h", {directions, 1, kHidden});
  builder.Output("y_c", {directions, 1, kHidden});
  builder.Initializer("w", {directions, 4 * kHidden, kInputs},
                      RandomValues(Count({directions, 4 * kHidden, kInputs}), 1, 0.2F));
  builder.Initializer("r", {directions, 4 * kHidden, kHidden},
                      RandomValues(Count({directions, 4 * kHidden, kHidden}), 2, 0.2F));
  builder.Initializer("b", {directions, 8 * kHidden},
                      RandomValues(Count({directions, 8 * kHidden}), 3, 0.2F));
  auto& lstm = builder.Node("LSTM", {"x", "w", "r", "b", "", "h", "c"}, {"y", "y_h", "y_c"}, "lstm");
  SetInt(lstm, "hidden_size", kHidden);
  SetString(lstm, "direction", direction);
  const std::vector<runtime::Tensor> inputs = {
      FloatTensor({kSteps, 1, kInputs}, RandomValues(kSteps * kInputs, 4)),
      FloatTensor({directions, 1, kHidden}, RandomValues(Count({directions, kHidden}), 5)),
      FloatTensor({directions, 1, kHidden}, RandomValues(Count({directions, kHidden}), 6))};
  static_cast<void>(Run(builder, inputs, {"--ops", "LSTM"}));
  const auto reference = RunModel(folder_ / "fp32.onnx", inputs);
  for (const auto optimization : kAllAndNoOptimizations) {
    const auto candidate = RunModel(folder_ / "int8.onnx", inputs, optimization);
    ASSERT_EQ(candidate.size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_GT(runtime::CompareOutputs(reference[i], candidate[i]).sqnr_db, 25) << i;
    }
  }
  const auto model = ParseModel(folder_ / "int8.onnx");
  EXPECT_TRUE(OptimizedOperators(folder_ / "int8.onnx").contains("DynamicQuantizeLSTM"));
  EXPECT_FALSE(OptimizedOperators(folder_ / "int8.onnx").contains("LSTM"));
}

INSTANTIATE_TEST_SUITE_P(Directions, Recurrent, ::testing::Values("forward", "reverse", "bidirectional"));

// ---- Operators of com.microsoft

struct AttentionCase {
  const char* name;
  void (*set)(onnx::NodeProto& node);
};

void PrintTo(const AttentionCase& form, std::ostream* out) { *out << form.name; }

class Attentions : public Operators, public ::testing::WithParamInterface<AttentionCase> {};

// Softmax stands between the product and the output, so there is no bound by element. 25 dB are little for
// eight bits.
TEST_P(Attentions, AreClose) {
  constexpr std::int64_t kTokens = 7, kHidden = 32;
  ModelBuilder builder;
  builder.Import("com.microsoft");
  builder.Input("x", {1, kTokens, kHidden}).Output("y", {1, kTokens, kHidden});
  builder.Initializer("w", {kHidden, 3 * kHidden}, RandomValues(3 * kHidden * kHidden, 1, 0.15F));
  builder.Initializer("b", {3 * kHidden}, RandomValues(3 * kHidden, 2, 0.1F));
  auto& attention = builder.Node("Attention", {"x", "w", "b"}, {"y"}, "attention");
  attention.set_domain("com.microsoft");
  SetInt(attention, "num_heads", 4);
  GetParam().set(attention);
  const auto outputs = Run(builder, {FloatTensor({1, kTokens, kHidden}, RandomValues(kTokens * kHidden, 3))},
                           {"--ops", "Attention"});
  ExpectSqnr(outputs, 25);
  EXPECT_TRUE(OptimizedOperators(folder_ / "int8.onnx").contains("QAttention"));
}

INSTANTIATE_TEST_SUITE_P(
    Forms, Attentions,
    ::testing::Values(AttentionCase{"Plain", [](onnx::NodeProto&) {}},
                      AttentionCase{"Unidirectional", [](auto& node) { SetInt(node, "unidirectional", 1); }},
                      AttentionCase{"Scaled", [](auto& node) { SetFloat(node, "scale", 0.9F); }}),
    [](const auto& test) { return std::string(test.param.name); });

// Nothing but the tables is quantized: FP32 with what their codes stand for gives the same.
TEST_F(Operators, EmbedLayerNormalization) {
  constexpr std::int64_t kTokens = 5, kHidden = 16;
  ModelBuilder builder;
  builder.Import("com.microsoft");
  builder.Input("ids", {1, kTokens}, onnx::TensorProto::INT32);
  builder.Input("segments", {1, kTokens}, onnx::TensorProto::INT32);
  builder.Output("y", {1, kTokens, kHidden}).Output("mask", {1}, onnx::TensorProto::INT32);
  builder.Initializer("words", {50, kHidden}, RandomValues(50 * kHidden, 1));
  builder.Initializer("positions", {8, kHidden}, RandomValues(8 * kHidden, 2));
  builder.Initializer("segment_table", {2, kHidden}, RandomValues(2 * kHidden, 3));
  builder.Initializer("gamma", {kHidden}, RandomValues(kHidden, 4));
  builder.Initializer("beta", {kHidden}, RandomValues(kHidden, 5));
  auto& node = builder.Node("EmbedLayerNormalization",
                            {"ids", "segments", "words", "positions", "segment_table", "gamma", "beta"},
                            {"y", "mask"}, "embed");
  node.set_domain("com.microsoft");
  SetFloat(node, "epsilon", 1e-5F);
  const std::vector<std::int32_t> ids = {3, 49, 0, 7, 7}, segments = {0, 0, 1, 1, 0};
  const std::vector<runtime::Tensor> inputs = {
      runtime::Tensor::Of(DataType::kInt32, {1, kTokens}, std::span(ids)),
      runtime::Tensor::Of(DataType::kInt32, {1, kTokens}, std::span(segments))};
  const auto outputs = Run(builder, inputs, {"--ops", "EmbedLayerNormalization"});
  EXPECT_TRUE(OptimizedOperators(folder_ / "int8.onnx").contains("QEmbedLayerNormalization"));
  for (auto& tensor : *builder.graph().mutable_initializer()) {
    RoundRows(tensor, tensor.raw_data().size() / sizeof(float));
  }
  builder.Save(folder_ / "rounded.onnx");
  const runtime::Tensor expected = RunModel(folder_ / "rounded.onnx", inputs).at(0);
  const auto exact = expected.As<float>();
  for (const runtime::Tensor& int8 : outputs.int8) {
    const auto found = int8.As<float>();
    ASSERT_EQ(exact.size(), found.size());
    for (std::size_t i = 0; i < exact.size(); ++i) EXPECT_NEAR(found[i], exact[i], 1e-4) << i;
  }
  ExpectSqnr(outputs, 25);
}

// ---- MatMul in its other forms

// As ONNX Runtime's optimizer makes it of a Gemm and the activation behind it. Activations that rise by at
// most 1 make no error larger.
TEST_F(Operators, FusedGemm) {
  constexpr std::int64_t kM = 7, kK = 33, kN = 18;
  const auto w = RandomValues(kK * kN, 1, 0.1F);
  const auto x = RandomValues(kM * kK, 2);
  const RowMajor bound = ProductBound(Matrix(x, kM, kK), Matrix(w, kK, kN)).array().cast<float>() + 1e-5F;
  for (const std::string activation : {"Relu", "LeakyRelu", "Tanh", "Sigmoid", "Softsign"}) {
    ModelBuilder builder;
    auto& import = *builder.model().add_opset_import();
    import.set_domain("com.microsoft");
    import.set_version(1);
    builder.Input("a", {kM, kK}).Output("y", {kM, kN}).Initializer("b", {kK, kN}, w);
    builder.Initializer("c", {kN}, RandomValues(kN, 3));
    auto& node = builder.Node("FusedGemm", {"a", "b", "c"}, {"y"});
    node.set_domain("com.microsoft");
    SetString(node, "activation", activation);
    if (activation == "LeakyRelu") SetFloat(node, "activation_alpha", 0.25F);
    ExpectWithin(Run(builder, {FloatTensor({kM, kK}, x)}), bound);
    EXPECT_EQ(Fused(), 1) << activation;
  }
}

TEST_F(Operators, MatMulWithTheConstantOnTheLeft) {
  constexpr std::int64_t kM = 20, kK = 33, kN = 6;
  const auto w = RandomValues(kM * kK, 1, 0.1F);
  const auto x = RandomValues(2 * kK * kN, 2);
  ModelBuilder builder;
  builder.Input("x", {2, kK, kN}).Output("y", {2, kM, kN}).Initializer("w", {kM, kK}, w);
  builder.Node("MatMul", {"w", "x"}, {"y"}, "left");
  const RowMajor all_x = Matrix(x, 2 * kK, kN);
  RowMajor bound(2 * kM, kN);
  for (Eigen::Index b = 0; b < 2; ++b) {
    RowMajor part(kN + 1, kK);  // with the extremes of all x, which has one scale
    part.topRows(kN) = all_x.middleRows(b * kK, kK).transpose();
    part.row(kN).setZero();
    part(kN, 0) = all_x.maxCoeff();
    part(kN, 1) = all_x.minCoeff();
    bound.middleRows(b * kM, kM) =
        ProductBound(part, Matrix(w, kM, kK).transpose()).topRows(kN).cast<float>().transpose();
  }
  ExpectWithin(Run(builder, {FloatTensor({2, kK, kN}, x)}), bound);
  EXPECT_EQ(Fused(), 1);
}

TEST_F(Operators, MatMulOfTwoActivations) {
  constexpr std::int64_t kM = 7, kK = 24, kN = 9;
  const auto a = RandomValues(kM * kK, 1);
  const auto b = RandomValues(kK * kN, 2);
  ModelBuilder builder;
  builder.Input("a", {kM, kK}).Input("b", {kK, kN}).Output("y", {kM, kN});
  builder.Node("MatMul", {"a", "b"}, {"y"}, "product");
  const Eigen::MatrixXd abs_a = Matrix(a, kM, kK).cast<double>().cwiseAbs();
  const Eigen::MatrixXd abs_b = Matrix(b, kK, kN).cast<double>().cwiseAbs();
  const Eigen::MatrixXd a_steps = Eigen::MatrixXd::Constant(kM, kK, StepOf(a));
  const Eigen::MatrixXd b_steps = Eigen::MatrixXd::Constant(kK, kN, StepOf(b));
  const Eigen::MatrixXd bound = a_steps * abs_b + abs_a * b_steps + a_steps * b_steps;
  ExpectWithin(
      Run(builder, {FloatTensor({kM, kK}, a), FloatTensor({kK, kN}, b)}, {"--matmul-const-b-only", "false"}),
      bound.cast<float>());
  const auto kept = RunQuantizeInt8({(folder_ / "fp32.onnx").native(), (folder_ / "other.onnx").native()});
  EXPECT_EQ(kept.status, 3) << "not without being asked";
}

}  // namespace
}  // namespace qi8::testing
