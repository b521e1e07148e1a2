// FP32 against INT8 on ONNX Runtime, within the bound that the scales give.
#pragma once

#include <gtest/gtest.h>

#include <Eigen/Core>
#include <array>
#include <cmath>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "support/model_builder.hpp"
#include "support/onnx_runtime.hpp"
#include "support/program.hpp"
#include "support/temp_folder.hpp"

namespace qi8::testing {

using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

[[nodiscard]] inline RowMajor Matrix(const std::vector<float>& values, std::int64_t rows,
                                     std::int64_t columns) {
  return Eigen::Map<const RowMajor>(values.data(), rows, columns);
}

// The largest error that quantization may make in each element of x [M, K] * w [K, N]. DynamicQuantizeLinear
// is off by at most one step of x (half for rounding the value, half for rounding the zero point), the weight
// by half a step of its column; float32 arithmetic adds a few units in the last place.
[[nodiscard]] inline Eigen::MatrixXd ProductBound(const RowMajor& x, const RowMajor& w) {
  const Eigen::MatrixXd abs_x = x.cast<double>().cwiseAbs();
  const Eigen::MatrixXd abs_w = w.cast<double>().cwiseAbs();
  const double x_step =
      (std::max(0.0, static_cast<double>(x.maxCoeff())) - std::min(0.0, static_cast<double>(x.minCoeff()))) /
      255;
  const Eigen::RowVectorXd w_half_step = abs_w.colwise().maxCoeff() / 254;
  const Eigen::MatrixXd w_error = Eigen::VectorXd::Ones(w.rows()) * w_half_step;
  const Eigen::MatrixXd x_error = Eigen::MatrixXd::Constant(x.rows(), x.cols(), x_step);
  const Eigen::MatrixXd bound = abs_x * w_error + x_error * abs_w + x_error * w_error;
  return (bound + 1e-5 * (abs_x * abs_w)).array() + 1e-6;
}

// The numbers of a float32 tensor become what its symmetric int8 codes stand for: scale * round(w / scale), a
// scale for each row of `width` elements.
inline void RoundRows(onnx::TensorProto& tensor, std::size_t width) {
  std::vector<float> values(tensor.raw_data().size() / sizeof(float));
  std::memcpy(values.data(), tensor.raw_data().data(), tensor.raw_data().size());
  for (std::size_t start = 0; start < values.size(); start += width) {
    const std::span<float> row = std::span(values).subspan(start, width);
    float largest = 0;
    for (const float value : row) largest = std::max(largest, std::abs(value));
    const float scale = static_cast<float>(2 * static_cast<double>(largest) / 254);
    for (float& value : row) value = scale * std::nearbyint(value / scale);
  }
  std::memcpy(tensor.mutable_raw_data()->data(), values.data(), tensor.raw_data().size());
}

// The same by the rows that have scales of their own: of the first dimension, or of the first two of three.
inline void RoundRows(onnx::TensorProto& tensor) {
  std::int64_t rows = tensor.dims(0);
  if (tensor.dims_size() == 3) rows *= tensor.dims(1);
  RoundRows(tensor, tensor.raw_data().size() / sizeof(float) / static_cast<std::size_t>(rows));
}

// The first output of a model.
struct Outputs {
  runtime::Tensor fp32;
  std::vector<runtime::Tensor> int8;  // per-tensor; one for each of kAllAndNoOptimizations
  // The same of other forms, with a name for each.
  std::vector<std::pair<std::string, runtime::Tensor>> other_forms;
};

// Forms with errors that are no larger than those of per-tensor.
inline constexpr auto kOtherForms = std::to_array<const char*>({"per-token", "residual"});

class Operators : public ::testing::Test {
 protected:
  // Saves the model and quantizes it per-tensor.
  void QuantizePerTensor(ModelBuilder& builder, const std::vector<std::string>& options = {}) {
    builder.Save(folder_ / "fp32.onnx");
    QuantizeAs("int8.onnx", "per-tensor", options);
  }

  // The same, and in other forms, and runs all.
  [[nodiscard]] Outputs Run(ModelBuilder& builder, const std::vector<runtime::Tensor>& inputs,
                            const std::vector<std::string>& options = {},
                            std::span<const char* const> other_forms = kOtherForms) {
    QuantizePerTensor(builder, options);
    Outputs outputs = RunBoth(inputs);
    for (const std::string form : other_forms) {
      QuantizeAs(form + ".onnx", form, options);
      for (const auto optimization : kAllAndNoOptimizations) {
        outputs.other_forms.emplace_back(form,
                                         RunModel(folder_ / (form + ".onnx"), inputs, optimization).at(0));
      }
    }
    return outputs;
  }

  // The FP32 model and the INT8 one that stand there already.
  [[nodiscard]] Outputs RunBoth(const std::vector<runtime::Tensor>& inputs) {
    Outputs outputs{.fp32 = RunModel(folder_ / "fp32.onnx", inputs).at(0), .int8 = {}, .other_forms = {}};
    for (const auto optimization : kAllAndNoOptimizations) {
      outputs.int8.push_back(RunModel(folder_ / "int8.onnx", inputs, optimization).at(0));
    }
    return outputs;
  }

  // `bound` has an entry for each element, in their order.
  static void ExpectWithin(const Outputs& outputs, const RowMajor& bound) {
    for (std::size_t i = 0; i < outputs.int8.size(); ++i) {
      SCOPED_TRACE(i == 0 ? "optimized" : "not optimized");
      ExpectWithin(outputs.fp32, outputs.int8[i], bound);
    }
    for (const auto& [form, output] : outputs.other_forms) {
      SCOPED_TRACE(form);
      ExpectWithin(outputs.fp32, output, bound);
    }
  }

  static void ExpectSqnr(const Outputs& outputs, double decibel) {
    for (std::size_t i = 0; i < outputs.int8.size(); ++i) {
      SCOPED_TRACE(i == 0 ? "optimized" : "not optimized");
      ASSERT_EQ(outputs.fp32.shape, outputs.int8[i].shape);
      EXPECT_GT(runtime::CompareOutputs(outputs.fp32, outputs.int8[i]).sqnr_db, decibel);
    }
    for (const auto& [form, output] : outputs.other_forms) {
      ASSERT_EQ(outputs.fp32.shape, output.shape);
      EXPECT_GT(runtime::CompareOutputs(outputs.fp32, output).sqnr_db, decibel) << form;
    }
  }

  [[nodiscard]] int Fused() { return FusedProducts(OptimizedOperators(folder_ / "int8.onnx")); }

  TempFolder folder_;

 private:
  void QuantizeAs(const std::string& output, const std::string& form,
                  const std::vector<std::string>& options) {
    std::vector<std::string> arguments = {(folder_ / "fp32.onnx").native(),
                                          (folder_ / output).native(),
                                          "--force",
                                          "--allow-growth",
                                          "--form",
                                          form};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const auto result = RunQuantizeInt8(arguments);
    EXPECT_EQ(result.status, 0) << result.err;
  }

  static void ExpectWithin(const runtime::Tensor& fp32, const runtime::Tensor& int8, const RowMajor& bound) {
    ASSERT_EQ(fp32.shape, int8.shape);
    const auto reference = fp32.As<float>();
    const auto candidate = int8.As<float>();
    ASSERT_EQ(reference.size(), static_cast<std::size_t>(bound.size()));
    double largest = 0;
    for (std::size_t i = 0; i < reference.size(); ++i) {
      const double difference =
          std::abs(static_cast<double>(reference[i]) - static_cast<double>(candidate[i]));
      ASSERT_LE(difference, static_cast<double>(bound.data()[i])) << "element " << i;
      largest = std::max(largest, difference);
    }
    EXPECT_GT(largest, 0) << "nothing was quantized";
  }
};

}  // namespace qi8::testing
