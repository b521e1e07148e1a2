// Every scheme by which weights become codes: the tensors bit for bit as an oracle of the rules has them, and
// the results on ONNX Runtime within the bound that follows from codes and scales.

#include <array>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <tuple>

#include "real_models/operators.hpp"

namespace qi8::testing {
namespace {

constexpr std::int64_t kK = 48, kN = 20;

// ---- The oracle: the rules of ONNX Runtime's quantize_dynamic, from their description, number by number. It
// shares nothing with src.

struct Rules {
  bool is_uint8, asymmetric, reduce_range, per_tensor;
};

struct Codes {
  std::vector<int> codes;  // in the order of the weight
  std::vector<float> scales;
  std::vector<int> zero_points;
};

// `channel_of` says which scale an element has.
[[nodiscard]] Codes Oracle(const Rules& rules, const std::vector<float>& weight, std::size_t channels,
                           const std::function<std::size_t(std::size_t)>& channel_of) {
  int low = rules.is_uint8 ? 0 : -128;
  int high = rules.is_uint8 ? 255 : 127;
  if (rules.reduce_range) {
    low = rules.is_uint8 ? 0 : -64;
    high = rules.is_uint8 ? 127 : 64;
  } else if (!rules.asymmetric) {
    low = rules.is_uint8 ? 0 : -127;
    high = rules.is_uint8 ? 254 : 127;
  }
  Codes result;
  std::vector<float> min(channels, 0), max(channels, 0);
  for (std::size_t i = 0; i < weight.size(); ++i) {
    min[channel_of(i)] = std::min(min[channel_of(i)], weight[i]);
    max[channel_of(i)] = std::max(max[channel_of(i)], weight[i]);
  }
  for (std::size_t c = 0; c < channels; ++c) {
    if (!rules.asymmetric) {
      max[c] = std::max(max[c], -min[c]);
      min[c] = -max[c];
    }
    const float width = max[c] - min[c];
    const double scale = static_cast<double>(width) / (high - low);
    if (scale < static_cast<double>(std::numeric_limits<float>::min())) {
      result.scales.push_back(1);
      result.zero_points.push_back(0);
      continue;
    }
    const double zero = rules.asymmetric ? low - static_cast<double>(min[c]) / scale : (low + high) / 2.0;
    result.scales.push_back(static_cast<float>(scale));
    result.zero_points.push_back(static_cast<int>(std::rint(zero)));
  }
  for (std::size_t i = 0; i < weight.size(); ++i) {
    const std::size_t c = channel_of(i);
    const float code = std::rint(weight[i] / result.scales[c]) + static_cast<float>(result.zero_points[c]);
    const float lowest = rules.is_uint8 ? 0 : -128;
    result.codes.push_back(static_cast<int>(std::min(lowest + 255, std::max(lowest, code))));
  }
  return result;
}

// ---- What the output has

[[nodiscard]] const onnx::TensorProto& Find(const onnx::ModelProto& model, const std::string& name) {
  for (const auto& tensor : model.graph().initializer()) {
    if (tensor.name() == name) return tensor;
  }
  throw std::runtime_error("no initializer " + name);
}

[[nodiscard]] std::vector<int> Integers(const onnx::TensorProto& tensor) {
  std::vector<int> numbers;
  for (const char byte : tensor.raw_data()) {
    numbers.push_back(tensor.data_type() == onnx::TensorProto::UINT8
                          ? static_cast<int>(static_cast<unsigned char>(byte))
                          : static_cast<int>(static_cast<signed char>(byte)));
  }
  return numbers;
}

[[nodiscard]] std::vector<float> Floats(const onnx::TensorProto& tensor) {
  std::vector<float> numbers(tensor.raw_data().size() / sizeof(float));
  std::memcpy(numbers.data(), tensor.raw_data().data(), tensor.raw_data().size());
  return numbers;
}

// ---- Weights of all kinds, [kK, kN]

[[nodiscard]] std::vector<float> Random() { return RandomValues(kK * kN, 3, 0.2F); }

[[nodiscard]] std::vector<std::pair<std::string, std::vector<float>>> Kinds() {
  auto tiny = Random();
  for (float& value : tiny) value *= 0x1p-130F;
  auto huge = Random();
  for (float& value : huge) value *= 0x1p120F;
  auto positive = Random();
  for (float& value : positive) value = std::abs(value) + 1;
  auto negative = positive;
  for (float& value : negative) value = -value;
  auto mixed = Random();
  for (std::size_t i = 0; i < mixed.size(); ++i) {
    const auto column = static_cast<int>(i % kN);
    mixed[i] = column == 0 ? 0 : column == 1 ? 0.25F : std::ldexp(mixed[i], 8 * (column % 5) - 16);
    if (column % 3 == 2) mixed[i] = std::abs(mixed[i]);
  }
  return {{"random", Random()},
          {"constant", std::vector<float>(kK * kN, 0.3F)},
          {"zero", std::vector<float>(kK * kN, 0)},
          {"tiny", tiny},
          {"huge", huge},
          {"positive", positive},
          {"negative", negative},
          {"mixed", mixed}};
}

class Schemes : public Operators, public ::testing::WithParamInterface<std::tuple<bool, bool, bool, bool>> {
 protected:
  [[nodiscard]] static Rules TheRules() {
    const auto& [is_uint8, asymmetric, reduce_range, per_tensor] = GetParam();
    return {is_uint8, asymmetric, reduce_range, per_tensor};
  }

  [[nodiscard]] static std::vector<std::string> Options() {
    const Rules rules = TheRules();
    std::vector<std::string> options = {"--weight-type",
                                        rules.is_uint8 ? "uint8" : "int8",
                                        rules.asymmetric ? "--asymmetric" : "--symmetric",
                                        "--granularity",
                                        rules.per_tensor ? "tensor" : "channel",
                                        "--external-data",
                                        "never"};
    if (rules.reduce_range) options.emplace_back("--reduce-range");
    return options;
  }

  [[nodiscard]] static Codes Expected(const std::vector<float>& weight, std::size_t channels,
                                      std::size_t width, bool by_column) {
    const bool per_tensor = TheRules().per_tensor;
    return Oracle(TheRules(), weight, per_tensor ? 1 : channels, [=](std::size_t i) {
      return per_tensor ? 0 : by_column ? i % width : i / width;
    });
  }

  // The tensors of the output model are the oracle's.
  void ExpectTensors(const Codes& expected, const std::string& weight, bool turned = false) {
    const auto model = ParseModel(folder_ / "int8.onnx");
    const auto& codes = Find(model, weight + "_quantized");
    EXPECT_EQ(codes.data_type(), TheRules().is_uint8 ? onnx::TensorProto::UINT8 : onnx::TensorProto::INT8);
    std::vector<int> in_order = Integers(codes);
    if (turned) {
      std::vector<int> back(in_order.size());
      for (std::size_t k = 0; k < kK; ++k) {
        for (std::size_t n = 0; n < kN; ++n) back[n * kK + k] = in_order[k * kN + n];
      }
      in_order = back;
    }
    EXPECT_EQ(in_order, expected.codes);
    const auto scales = Floats(Find(model, weight + "_scale"));
    ASSERT_EQ(scales.size(), expected.scales.size());
    EXPECT_EQ(std::memcmp(scales.data(), expected.scales.data(), scales.size() * sizeof(float)), 0);
    if (TheRules().is_uint8 || TheRules().asymmetric) {
      EXPECT_EQ(Integers(Find(model, weight + "_zero_point")), expected.zero_points);
    }
  }

  // A single scale of 1, that of a weight all of whose codes are 0, is a Mul that the runtime removes before
  // it fuses.
  [[nodiscard]] static bool IsFused(const std::string& kind) {
    return !(TheRules().per_tensor && (kind == "zero" || kind == "tiny"));
  }

  // What the codes stand for.
  [[nodiscard]] static RowMajor Restored(const Codes& codes, std::int64_t rows, std::int64_t columns,
                                         bool by_column) {
    RowMajor restored(rows, columns);
    for (Eigen::Index r = 0; r < rows; ++r) {
      for (Eigen::Index c = 0; c < columns; ++c) {
        const auto channel = codes.scales.size() == 1 ? 0U : static_cast<std::size_t>(by_column ? c : r);
        const int code = codes.codes[static_cast<std::size_t>(r * columns + c)] - codes.zero_points[channel];
        restored(r, c) = static_cast<float>(code) * codes.scales[channel];
      }
    }
    return restored;
  }

  // How far x * restored, with x in steps of its own, may be from x * exact.
  [[nodiscard]] static RowMajor Bound(const RowMajor& x, const RowMajor& exact, const RowMajor& restored) {
    const double step = (std::max(0.0, static_cast<double>(x.maxCoeff())) -
                         std::min(0.0, static_cast<double>(x.minCoeff()))) /
                        255;
    const Eigen::MatrixXd abs_x = x.cast<double>().cwiseAbs();
    const Eigen::MatrixXd abs_w = restored.cast<double>().cwiseAbs();
    const Eigen::MatrixXd weight_error = (exact.cast<double>() - restored.cast<double>()).cwiseAbs();
    const Eigen::MatrixXd steps = Eigen::MatrixXd::Constant(x.rows(), x.cols(), step);
    const Eigen::MatrixXd bound = abs_x * weight_error + steps * abs_w + 1e-5 * (abs_x * abs_w);
    return bound.cast<float>();
  }
};

TEST_P(Schemes, MatMul) {
  const auto x = RandomValues(5 * kK, 2);
  for (const auto& [kind, weight] : Kinds()) {
    SCOPED_TRACE(kind);
    ModelBuilder builder;
    builder.Input("x", {-1, kK}).Output("y", {-1, kN}).Initializer("w", {kK, kN}, weight);
    builder.Node("MatMul", {"x", "w"}, {"y"});
    const Codes expected = Expected(weight, kN, kN, true);
    if (kind == "random" || kind == "mixed" || kind == "positive" || kind == "negative") {
      ExpectWithin(Run(builder, {FloatTensor({5, kK}, x)}, Options()),
                   Bound(Matrix(x, 5, kK), Matrix(weight, kK, kN), Restored(expected, kK, kN, true)));
    } else {
      QuantizePerTensor(builder, Options());
    }
    ExpectTensors(expected, "w");
    EXPECT_EQ(Fused(), IsFused(kind) ? 1 : 0);
  }
}

TEST_P(Schemes, GemmThatIsTurned) {
  const auto x = RandomValues(5 * kK, 2);
  for (const auto& [kind, weight] : Kinds()) {
    SCOPED_TRACE(kind);
    ModelBuilder builder;
    builder.Input("x", {-1, kK}).Output("y", {-1, kN}).Initializer("w", {kN, kK}, weight);
    SetInt(builder.Node("Gemm", {"x", "w"}, {"y"}), "transB", 1);
    const Codes expected = Expected(weight, kN, kK, false);
    if (kind == "random" || kind == "positive" || kind == "negative") {
      const RowMajor exact = Matrix(weight, kN, kK).transpose();
      const RowMajor restored = Restored(expected, kN, kK, false).transpose();
      ExpectWithin(Run(builder, {FloatTensor({5, kK}, x)}, Options()),
                   Bound(Matrix(x, 5, kK), exact, restored));
    } else {
      QuantizePerTensor(builder, Options());
    }
    ExpectTensors(expected, "w", true);
    EXPECT_EQ(Fused(), IsFused(kind) ? 1 : 0);
  }
}

TEST_P(Schemes, MatMulOfOpset10) {
  const auto x = RandomValues(5 * kK, 2);
  ModelBuilder builder(10, 5);
  builder.Input("x", {-1, kK}).Output("y", {-1, kN}).Initializer("w", {kK, kN}, Random());
  builder.Node("MatMul", {"x", "w"}, {"y"});
  const auto outputs = Run(builder, {FloatTensor({5, kK}, x)}, Options());
  const Codes expected = Expected(Random(), kN, kN, true);
  ExpectTensors(expected, "w");
  ExpectWithin(outputs, Bound(Matrix(x, 5, kK), Matrix(Random(), kK, kN), Restored(expected, kK, kN, true)));
}

TEST_P(Schemes, BatchesOfMatrices) {
  const auto x = RandomValues(2 * 5 * kK, 2);
  const auto weight = RandomValues(2 * kK * kN, 4, 0.2F);
  ModelBuilder builder;
  builder.Input("x", {2, 5, kK}).Output("y", {2, 5, kN}).Initializer("w", {2, kK, kN}, weight);
  builder.Node("MatMul", {"x", "w"}, {"y"});
  const auto outputs = Run(builder, {FloatTensor({2, 5, kK}, x)}, Options());
  const Codes expected = Oracle(TheRules(), weight, TheRules().per_tensor ? 1 : 2 * kN, [](std::size_t i) {
    return TheRules().per_tensor ? 0 : i / (kK * kN) * kN + i % kN;
  });
  ExpectTensors(expected, "w");
  RowMajor bound(10, kN);
  for (Eigen::Index b = 0; b < 2; ++b) {
    Codes part = expected;
    const auto first = static_cast<std::ptrdiff_t>(b * kK * kN);
    part.codes.assign(expected.codes.begin() + first, expected.codes.begin() + first + kK * kN);
    if (!TheRules().per_tensor) {
      part.scales.assign(expected.scales.begin() + b * kN, expected.scales.begin() + (b + 1) * kN);
      part.zero_points.assign(expected.zero_points.begin() + b * kN,
                              expected.zero_points.begin() + (b + 1) * kN);
    }
    RowMajor rows(6, kK);  // with the extremes of all x, which has one scale
    rows.topRows(5) = Matrix(x, 10, kK).middleRows(b * 5, 5);
    rows.row(5).setConstant(Matrix(x, 10, kK).maxCoeff());
    rows(5, 0) = Matrix(x, 10, kK).minCoeff();
    bound.middleRows(b * 5, 5) =
        Bound(rows, Matrix(weight, 2 * kK, kN).middleRows(b * kK, kK), Restored(part, kK, kN, true))
            .topRows(5);
  }
  ExpectWithin(outputs, bound);
}

// Scales and zero points of the matrices have other shapes where the product is that of a vector.
TEST_P(Schemes, VectorsTimesBatchesOfMatrices) {
  const auto x = RandomValues(kK, 2);
  const auto weight = RandomValues(2 * kK * kN, 4, 0.2F);
  const Codes expected = Oracle(TheRules(), weight, TheRules().per_tensor ? 1 : 2 * kN, [](std::size_t i) {
    return TheRules().per_tensor ? 0 : i / (kK * kN) * kN + i % kN;
  });
  RowMajor bound(2, kN);
  for (Eigen::Index b = 0; b < 2; ++b) {
    Codes part = expected;
    const auto first = static_cast<std::ptrdiff_t>(b * kK * kN);
    part.codes.assign(expected.codes.begin() + first, expected.codes.begin() + first + kK * kN);
    if (!TheRules().per_tensor) {
      part.scales.assign(expected.scales.begin() + b * kN, expected.scales.begin() + (b + 1) * kN);
      part.zero_points.assign(expected.zero_points.begin() + b * kN,
                              expected.zero_points.begin() + (b + 1) * kN);
    }
    bound.row(b) = Bound(Matrix(x, 1, kK), Matrix(weight, 2 * kK, kN).middleRows(b * kK, kK),
                         Restored(part, kK, kN, true));
  }
  for (const bool known : {true, false}) {
    ModelBuilder builder;
    builder.Input("x", {kK}).Output("y", {2, kN}).Initializer("w", {2, kK, kN}, weight);
    if (!known) builder.graph().mutable_input(0)->mutable_type()->mutable_tensor_type()->clear_shape();
    builder.Node("MatMul", {"x", "w"}, {"y"});
    const auto outputs = Run(builder, {FloatTensor({kK}, x)}, Options());
    ExpectTensors(expected, "w");
    ExpectWithin(outputs, bound);
  }
}

TEST_P(Schemes, GatherAndStoredConv) {
  for (const auto& [kind, weight] : Kinds()) {
    SCOPED_TRACE(kind);
    ModelBuilder builder;
    builder.Input("i", {-1}, onnx::TensorProto::INT64).Output("y", {-1, kN});
    builder.Initializer("w", {kK, kN}, weight);
    builder.Node("Gather", {"w", "i"}, {"y"});
    const auto outputs = Run(builder, {Int64Tensor({3}, {0, 7, kK - 1})}, Options(), {});  // it has one form
    const Codes expected = Expected(weight, kK, kN, false);
    ExpectTensors(expected, "w");
    const RowMajor restored = Restored(expected, kK, kN, false);
    const std::array<Eigen::Index, 3> indices = {0, 7, kK - 1};
    for (const runtime::Tensor& int8 : outputs.int8) {
      const auto rows = int8.As<float>();
      ASSERT_EQ(rows.size(), indices.size() * kN);
      for (std::size_t i = 0; i < rows.size(); ++i) {
        EXPECT_EQ(rows[i], restored(indices[i / kN], static_cast<Eigen::Index>(i % kN))) << i;
      }
    }
  }
  // A picture of one point, whose convolution with kernels of one point is a product.
  ModelBuilder builder;
  builder.Input("x", {1, kN, 1, 1}).Output("y", {1, kK, 1, 1});
  builder.Initializer("w", {kK, kN, 1, 1}, Random());
  builder.Node("Conv", {"x", "w"}, {"y"});
  auto options = Options();
  options.insert(options.end(), {"--store-int8", "Conv"});
  const auto x = RandomValues(kN, 2);
  const auto outputs = Run(builder, {FloatTensor({1, kN, 1, 1}, x)}, options);
  const RowMajor restored = Restored(Expected(Random(), kK, kN, false), kK, kN, false);
  const Eigen::VectorXf y = restored * Eigen::Map<const Eigen::VectorXf>(x.data(), kN);
  for (const runtime::Tensor& int8 : outputs.int8) {
    const auto found = int8.As<float>();
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_NEAR(found[i], y[static_cast<Eigen::Index>(i)], 1e-5F);
    }
  }
}

using SchemeParameters = ::testing::TestParamInfo<std::tuple<bool, bool, bool, bool>>;

[[nodiscard]] std::string SchemeName(const SchemeParameters& scheme) {
  const bool is_uint8 = std::get<0>(scheme.param);
  const bool asymmetric = std::get<1>(scheme.param);
  const bool reduce_range = std::get<2>(scheme.param);
  const bool per_tensor = std::get<3>(scheme.param);
  return std::string(is_uint8 ? "Uint8" : "Int8") + (asymmetric ? "Asymmetric" : "Symmetric") +
         (per_tensor ? "Tensor" : "Channel") + (reduce_range ? "ReduceRange" : "");
}

INSTANTIATE_TEST_SUITE_P(All, Schemes,
                         ::testing::Combine(::testing::Bool(), ::testing::Bool(), ::testing::Bool(),
                                            ::testing::Bool()),
                         SchemeName);

}  // namespace
}  // namespace qi8::testing
