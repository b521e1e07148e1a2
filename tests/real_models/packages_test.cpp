// Real, trained models from the packages that scripts/fetch-models gets: each comes out right, or is refused
// with status 3 and its reasons.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "support/onnx_runtime.hpp"
#include "support/program.hpp"
#include "support/temp_folder.hpp"

namespace qi8::testing {
namespace {

std::filesystem::path ModelPath(const std::string& name) {
  return std::filesystem::path(QI8_TEST_MODELS) / name;
}

// A second of a voice-like sound at 16 kHz: a glottal buzz of 120 to 180 Hz with moving formants and pauses.
std::vector<float> SpeechLikeSound(std::size_t samples) {
  constexpr double kRate = 16000;
  std::vector<float> sound(samples);
  double phase = 0;
  for (std::size_t i = 0; i < samples; ++i) {
    const double t = static_cast<double>(i) / kRate;
    phase += (150 + 30 * std::sin(4 * t)) / kRate;
    double value = 0;
    for (int harmonic = 1; harmonic <= 20; ++harmonic) {
      const double frequency = harmonic * (150 + 30 * std::sin(4 * t));
      const double formant = 1 / (1 + std::pow((frequency - 700 - 300 * std::sin(9 * t)) / 200, 2)) +
                             0.5 / (1 + std::pow((frequency - 1800) / 300, 2));
      value += formant * std::sin(2 * M_PI * harmonic * phase);
    }
    const double loudness = std::max(0.0, std::sin(2 * M_PI * 3 * t));
    sound[i] = static_cast<float>(0.2 * loudness * value);
  }
  return sound;
}

// Dark strokes like letters on light paper, in [-1, 1], the same in all three colours.
std::vector<float> ImageOfText(std::int64_t height, std::int64_t width) {
  std::vector<float> image(static_cast<std::size_t>(3 * height * width));
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      const std::int64_t letter = x / 16, in_x = x % 16, in_y = y * 24 / height;
      const bool upright = in_x >= 3 && in_x < 6 && in_y >= 5 && in_y < 19;
      const bool bar = in_x >= 3 && in_x < 13 && in_y >= 5 + letter % 3 * 6 && in_y < 7 + letter % 3 * 6;
      const bool right = letter % 2 == 0 && in_x >= 10 && in_x < 13 && in_y >= 5 && in_y < 12 + letter % 5;
      const bool space = letter % 6 == 5;
      const float value = !space && (upright || bar || right) ? -0.8F : 0.9F;
      for (std::int64_t c = 0; c < 3; ++c) {
        image[static_cast<std::size_t>((c * height + y) * width + x)] = value;
      }
    }
  }
  return image;
}

class Packages : public ::testing::Test {
 protected:
  // Quantizes the model with defaults; its path.
  std::filesystem::path Quantized(const std::string& name) {
    const auto result = RunQuantizeInt8({ModelPath(name).native(), (folder_ / "int8.onnx").native()});
    EXPECT_EQ(result.status, 0) << result.err;
    return folder_ / "int8.onnx";
  }

  void ExpectRefused(const std::string& name, const std::string& reason) {
    const auto result = RunQuantizeInt8({ModelPath(name).native(), (folder_ / "int8.onnx").native()});
    EXPECT_EQ(result.status, 3);
    EXPECT_THAT(result.err, ::testing::HasSubstr("nothing to quantize"));
    EXPECT_THAT(result.err, ::testing::HasSubstr(reason));
    EXPECT_THAT(folder_.Listing(), ::testing::IsEmpty());
  }

  static void ExpectClose(const runtime::Tensor& reference, const runtime::Tensor& candidate,
                          double sqnr_db) {
    const auto fidelity = runtime::CompareOutputs(reference, candidate);
    std::printf("SQNR %.2f dB, cosine %.6f\n", fidelity.sqnr_db, fidelity.cosine);
    EXPECT_GT(fidelity.sqnr_db, sqnr_db);
  }

  TempFolder folder_;
};

// Gemm in the main graph and in a branch.
TEST_F(Packages, WakeWord) {
  const std::string name = "hey_jarvis_v0.1.onnx";
  const auto path = Quantized(name);
  constexpr std::int64_t kFrames = 16, kFeatures = 96;
  std::vector<float> features = SpeechLikeSound(kFrames * kFeatures);
  for (float& value : features) value *= 20;
  const std::vector<runtime::Tensor> input = {FloatTensor({1, kFrames, kFeatures}, features)};
  const auto reference = RunModel(ModelPath(name), input);
  const auto candidate = RunModel(path, input);
  for (std::size_t i = 0; i < reference.size(); ++i) ExpectClose(reference[i], candidate[i], 20);
  const auto operators = OptimizedOperators(path);
  EXPECT_FALSE(operators.contains("Gemm"));
  EXPECT_FALSE(operators.contains("MatMulInteger"));
}

// The mel matrix of a spectrogram, behind two convolutions. Its input is a power spectrum: the quiet bins lie
// below one step of the loud ones, and the logarithm behind it shows that. 11 dB is what eight bits of
// activation leave there.
TEST_F(Packages, MelSpectrogram) {
  const std::string name = "melspectrogram.onnx";
  const auto path = Quantized(name);
  const std::vector<runtime::Tensor> input = {FloatTensor({1, 16000}, SpeechLikeSound(16000))};
  ExpectClose(RunModel(ModelPath(name), input)[0], RunModel(path, input)[0], 10);
}

// Gemm and Conv in the branches of an If, with weights from outside: the runtime's own tool fails on it.
TEST_F(Packages, VoiceActivityInBranches) {
  const std::string name = "silero_vad_op18_ifless.onnx";
  const auto path = Quantized(name);
  constexpr std::int64_t kState = 2 * 1 * 128;
  const std::vector<float> sound = SpeechLikeSound(4096);
  std::vector<float> chunk(sound.begin() + 1024, sound.begin() + 1024 + 576);
  const std::vector<runtime::Tensor> input = {FloatTensor({1, 576}, chunk), Int64Tensor({}, {16000}),
                                              FloatTensor({2, 1, 128}, std::vector<float>(kState, 0.0F))};
  const auto reference = RunModel(ModelPath(name), input);
  const auto candidate = RunModel(path, input);
  for (std::size_t i = 0; i < reference.size(); ++i) ExpectClose(reference[i], candidate[i], 20);
}

// Opset 9, all weights in Constant nodes: the runtime's own tool quantizes none of its nine products.
TEST_F(Packages, TextRecognition) {
  const std::string name = "ch_PP-OCRv4_rec_infer.onnx";
  const auto path = Quantized(name);
  constexpr std::int64_t kHeight = 48, kWidth = 320;
  const std::vector<runtime::Tensor> input = {
      FloatTensor({1, 3, kHeight, kWidth}, ImageOfText(kHeight, kWidth))};
  ExpectClose(RunModel(ModelPath(name), input)[0], RunModel(path, input)[0], 10);
  EXPECT_EQ(FusedProducts(OptimizedOperators(path)), 9);
}

TEST_F(Packages, ConvolutionsAloneAreRefusedWithTheirReason) {
  ExpectRefused("silero_vad_half.onnx", "Conv");
}

}  // namespace
}  // namespace qi8::testing
