// The model that the tool was made for, at sizes that a test can afford: FP32 and INT8 on ONNX Runtime.

#include "models/audio_core.hpp"

#include <gtest/gtest.h>

#include "support/onnx_runtime.hpp"
#include "support/program.hpp"
#include "support/temp_folder.hpp"

namespace qi8::testing {
namespace {

// 20 MB: width 256, 4 blocks.
constexpr models::AudioCoreSize kTwentyMegabytes{
    .blocks = 4, .width = 256, .heads = 4, .feed_forward = 1024, .codes = 2048};

class AudioCore : public ::testing::TestWithParam<models::AudioCoreSize> {
 protected:
  void SetUp() override {
    models::write_audio_core(folder_ / "fp32.onnx", {.size = GetParam()});
    for (const std::string form : {"per-tensor", "per-token"}) {
      const auto result = RunQuantizeInt8(
          {(folder_ / "fp32.onnx").native(), (folder_ / (form + ".onnx")).native(), "--form", form});
      ASSERT_EQ(result.status, 0) << result.err;
    }
  }

  // The SQNR of the form against FP32, in decibel.
  [[nodiscard]] double Fidelity(const std::string& form, Optimization optimization) const {
    const std::vector<runtime::Tensor> input = {AudioCodes(100, GetParam().codes)};
    const auto reference = RunModel(folder_ / "fp32.onnx", input);
    const auto candidate = RunModel(folder_ / (form + ".onnx"), input, optimization);
    const auto fidelity = runtime::CompareOutputs(reference.at(0), candidate.at(0));
    std::printf("%s: SQNR %.2f dB, cosine %.6f\n", form.c_str(), fidelity.sqnr_db, fidelity.cosine);
    EXPECT_GT(fidelity.cosine, 0.9975);
    return fidelity.sqnr_db;
  }

  TempFolder folder_;
};

TEST_P(AudioCore, KeepsTheOutput) {
  for (const auto optimization : kAllAndNoOptimizations) {
    // What ONNX Runtime's own Python tool reaches on transformers like this one: 23 to 26 dB, cosine 0.9975.
    const double per_tensor = Fidelity("per-tensor", optimization);
    EXPECT_GT(per_tensor, 23);
    EXPECT_GT(Fidelity("per-token", optimization), per_tensor + 1);
  }
}

TEST_P(AudioCore, FusesEveryProduct) {
  const auto operators = OptimizedOperators(folder_ / "per-tensor.onnx");
  const auto blocks = static_cast<int>(GetParam().blocks);
  constexpr int kProjections = 7;  // q, k, v, o, gate, up, down
  EXPECT_EQ(FusedProducts(operators), blocks * kProjections + 1);
  EXPECT_FALSE(operators.contains("MatMulInteger"));
  EXPECT_FALSE(operators.contains("Gemm"));
  // q, k and v share one quantized activation, gate and up another; what a single product uses is fused into
  // it.
  ASSERT_TRUE(operators.contains("DynamicQuantizeLinear"));
  EXPECT_EQ(operators.at("DynamicQuantizeLinear"), 2 * blocks);
}

INSTANTIATE_TEST_SUITE_P(Sizes, AudioCore, ::testing::Values(models::kTiny, kTwentyMegabytes),
                         [](const auto& size) { return "width" + std::to_string(size.param.width); });

}  // namespace
}  // namespace qi8::testing
