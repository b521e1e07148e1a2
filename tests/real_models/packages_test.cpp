// Real, trained models from the packages that scripts/fetch-models gets: each comes out right, or is refused
// with status 3 and its reasons.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "support/onnx_runtime.hpp"
#include "support/program.hpp"
#include "support/temp_folder.hpp"

namespace qi8::testing {
namespace {

[[nodiscard]] std::filesystem::path ModelPath(const std::string& name) {
  return std::filesystem::path(QI8_TEST_MODELS) / name;
}

// A second of a voice-like sound at 16 kHz: a glottal buzz of 120 to 180 Hz with moving formants and pauses.
[[nodiscard]] std::vector<float> SpeechLikeSound(std::size_t samples) {
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
[[nodiscard]] std::vector<float> ImageOfText(std::int64_t height, std::int64_t width) {
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
  [[nodiscard]] std::filesystem::path Quantized(const std::string& name,
                                                const std::vector<std::string>& options = {}) {
    std::vector<std::string> arguments = {ModelPath(name).native(), (folder_ / "int8.onnx").native()};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const auto result = RunQuantizeInt8(arguments);
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

  // Outputs of floating point, whatever the runtime makes of the INT8 model's graph; and it makes no
  // difference.
  static void ExpectClose(const std::string& name, const std::filesystem::path& int8,
                          const std::vector<runtime::Tensor>& inputs, double sqnr_db) {
    const auto reference = RunModel(ModelPath(name), inputs);
    std::vector<std::vector<double>> reached(reference.size());
    for (const auto optimization : kAllAndNoOptimizations) {
      const auto candidate = RunModel(int8, inputs, optimization);
      ASSERT_EQ(reference.size(), candidate.size());
      for (std::size_t i = 0; i < reference.size(); ++i) {
        if (reference[i].type != DataType::kFloat) continue;
        const auto fidelity = runtime::CompareOutputs(reference[i], candidate[i]);
        std::printf("SQNR %.2f dB, cosine %.6f\n", fidelity.sqnr_db, fidelity.cosine);
        EXPECT_GT(fidelity.sqnr_db, sqnr_db) << "output " << i;
        reached[i].push_back(fidelity.sqnr_db);
      }
    }
    const auto unoptimized = RunModel(ModelPath(name), inputs, Optimization::kNone);
    for (std::size_t i = 0; i < reference.size(); ++i) {
      if (reached[i].empty()) continue;
      // Some models make much of the last bits of their numbers: ch_PP-OCRv4_det_infer.onnx in FP32 is 16 dB
      // away from itself with and without optimizations, and nothing can be said of a few tenths.
      if (runtime::CompareOutputs(reference[i], unoptimized[i]).sqnr_db < kOwnSqnr) continue;
      EXPECT_NEAR(reached[i][0], reached[i][1], kMostDifference) << "output " << i;
    }
  }

  // dB: between INT8 with and without optimizations, and between FP32 with and without.
  static constexpr double kMostDifference = 0.5, kOwnSqnr = 60;

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
  ExpectClose(name, path, input, 20);
  const auto operators = OptimizedOperators(path);
  EXPECT_FALSE(operators.contains("Gemm"));
  EXPECT_FALSE(operators.contains("MatMulInteger"));
}

// The mel matrix of a spectrogram, behind two convolutions. Its input is a power spectrum: the quiet bins lie
// below one step of the loud ones, and the logarithm behind it shows that. 11 dB is what eight bits of
// activation with one scale leave there.
TEST_F(Packages, MelSpectrogram) {
  const std::string name = "melspectrogram.onnx";
  const std::vector<runtime::Tensor> input = {FloatTensor({1, 16000}, SpeechLikeSound(16000))};
  ExpectClose(name, Quantized(name, {"--form", "per-tensor", "--force"}), input, 10);
  ExpectClose(name, Quantized(name, {"--form", "per-token", "--force"}), input, 15);
  ExpectClose(name, Quantized(name, {"--form", "residual", "--force"}), input, 20);
  ExpectClose(name, Quantized(name, {"--form", "float16", "--force"}), input, 40);
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
  ExpectClose(name, path, input, 20);
}

// Opset 9, all weights in Constant nodes: the runtime's own tool quantizes none of its nine products.
TEST_F(Packages, TextRecognition) {
  const std::string name = "ch_PP-OCRv4_rec_infer.onnx";
  const auto path = Quantized(name);
  constexpr std::int64_t kHeight = 48, kWidth = 320;
  const std::vector<runtime::Tensor> input = {
      FloatTensor({1, 3, kHeight, kWidth}, ImageOfText(kHeight, kWidth))};
  ExpectClose(name, path, input, 10);
  EXPECT_EQ(FusedProducts(OptimizedOperators(path)), 9);
}

TEST_F(Packages, ConvolutionsAloneAreRefusedWithTheirReason) {
  ExpectRefused("silero_vad_half.onnx", "Conv");
}

// ---- Every model in every mode

using Inputs = std::vector<runtime::Tensor>;

[[nodiscard]] runtime::Tensor Zeros(const std::vector<std::int64_t>& shape) {
  std::size_t count = 1;
  for (const auto dim : shape) count *= static_cast<std::size_t>(dim);
  return FloatTensor(shape, std::vector<float>(count, 0.0F));
}

// A voiced part of the sound, as voice activity detectors get it.
[[nodiscard]] runtime::Tensor Voice(std::int64_t samples) {
  const std::vector<float> sound = SpeechLikeSound(4096);
  return FloatTensor({1, samples}, {sound.begin() + 1024, sound.begin() + 1024 + samples});
}

[[nodiscard]] runtime::Tensor Rate() { return Int64Tensor({}, {16000}); }

// A picture with large shapes and soft edges, in [0, 1].
[[nodiscard]] runtime::Tensor Face(std::int64_t side) {
  std::vector<float> image(static_cast<std::size_t>(3 * side * side));
  for (std::int64_t y = 0; y < side; ++y) {
    for (std::int64_t x = 0; x < side; ++x) {
      const double u = 2.0 * static_cast<double>(x) / static_cast<double>(side) - 1;
      const double v = 2.0 * static_cast<double>(y) / static_cast<double>(side) - 1;
      const double head = 1 / (1 + std::exp(20 * (u * u * 1.6 + v * v - 0.6)));
      const double eyes = std::exp(-60 * (std::pow(std::abs(u) - 0.3, 2) + std::pow(v + 0.2, 2)));
      const double mouth = std::exp(-40 * (u * u / 6 + std::pow(v - 0.4, 2)));
      for (std::int64_t c = 0; c < 3; ++c) {
        const double value = 0.25 + head * (0.55 - 0.1 * static_cast<double>(c)) - 0.4 * eyes - 0.25 * mouth;
        image[static_cast<std::size_t>((c * side + y) * side + x)] = static_cast<float>(value);
      }
    }
  }
  return FloatTensor({1, 3, side, side}, image);
}

struct RealModel {
  const char* name;
  Inputs (*inputs)();
  // What the outputs reach at least in each mode, in dB; nothing: there is nothing to quantize.
  std::optional<double> defaults, all_ops, stored;
};

void PrintTo(const RealModel& model, std::ostream* out) { *out << model.name; }

// Floors lie 2 to 3 dB below what was measured. Convolutions with integer arithmetic have one scale for an
// activation of hundreds of channels, which costs CNNs most of their quality; stored weights cost little.
[[nodiscard]] const std::vector<RealModel>& RealModels() {
  static const std::vector<RealModel> models = {
      {"ch_PP-OCRv4_rec_infer.onnx",
       [] {
         return Inputs{FloatTensor({1, 3, 48, 320}, ImageOfText(48, 320))};
       },
       35, 35, 16},
      {"ch_PP-OCRv4_det_infer.onnx",
       [] {
         return Inputs{FloatTensor({1, 3, 160, 320}, ImageOfText(160, 320))};
       },
       std::nullopt, 3, 9},
      {"silero_vad.onnx",
       [] {
         return Inputs{Voice(576), Zeros({2, 1, 128}), Rate()};
       },
       std::nullopt, 16, 16},
      {"silero_vad_op18_ifless.onnx",
       [] {
         return Inputs{Voice(576), Rate(), Zeros({2, 1, 128})};
       },
       40, 16, 16},
      {"silero_vad_16k_op15.onnx",
       [] {
         return Inputs{Voice(576), Zeros({2, 1, 128}), Rate()};
       },
       std::nullopt, 16, 16},
      {"silero_vad_half.onnx",
       [] {
         return Inputs{Voice(576), Zeros({2, 1, 128})};
       },
       std::nullopt, 16, 20},
      {"silero_vad_legacy.onnx",
       [] {
         return Inputs{Voice(512), Rate(), Zeros({2, 1, 64}), Zeros({2, 1, 64})};
       },
       std::nullopt, 5, 6},
      {"hey_jarvis_v0.1.onnx",
       [] {
         std::vector<float> features = SpeechLikeSound(16 * 96);
         for (float& value : features) value *= 20;
         return Inputs{FloatTensor({1, 16, 96}, features)};
       },
       70, 70, 70},
      {"melspectrogram.onnx",
       [] {
         return Inputs{FloatTensor({1, 16000}, SpeechLikeSound(16000))};
       },
       8, 8, 8},
      {"fr_liveness.onnx", [] { return Inputs{Face(128)}; }, 45, 45, 31},
  };
  return models;
}

class EveryModel : public Packages, public ::testing::WithParamInterface<RealModel> {
 protected:
  void Check(const std::vector<std::string>& options, std::optional<double> floor) {
    const RealModel& model = GetParam();
    const auto path = folder_ / "int8.onnx";
    std::vector<std::string> arguments = {ModelPath(model.name).native(), path.native(), "--force"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const auto result = RunQuantizeInt8(arguments);
    ASSERT_EQ(result.status, floor ? 0 : 3) << result.err;
    if (!floor) return;
    ExpectClose(model.name, path, model.inputs(), *floor);
  }
};

TEST_P(EveryModel, WithDefaults) { Check({}, GetParam().defaults); }

TEST_P(EveryModel, WithAllOperators) { Check({"--ops", "all"}, GetParam().all_ops); }

TEST_P(EveryModel, WithStoredWeights) {
  Check({"--store-int8", "Conv,ConvTranspose,LSTM,GRU"}, GetParam().stored);
}

INSTANTIATE_TEST_SUITE_P(All, EveryModel, ::testing::ValuesIn(RealModels()), [](const auto& model) {
  std::string name = model.param.name;
  std::erase_if(name, [](char letter) { return std::isalnum(static_cast<unsigned char>(letter)) == 0; });
  return name;
});

// Every MatMul and Gemm of a constant is quantized, in Constant nodes and in bodies too.
TEST_P(EveryModel, HasNoProductOfAConstantLeft) {
  const auto path = ModelPath(GetParam().name).native();
  const auto result = RunQuantizeInt8(
      {path, (folder_ / "int8.onnx").native(), "--dry-run", "--json", "--allow-empty", "--allow-growth"});
  ASSERT_EQ(result.status, 0) << result.err;
  const auto plan = nlohmann::json::parse(result.out);
  ASSERT_FALSE(plan["nodes"].empty());
  for (const auto& node : plan["nodes"]) {
    if (node["op_type"] != "MatMul" && node["op_type"] != "Gemm") continue;
    if (node["quantized"] == true || node["reason"] == "operand") continue;
    EXPECT_EQ(node["reason"], "activations") << node;
  }
}

}  // namespace
}  // namespace qi8::testing
