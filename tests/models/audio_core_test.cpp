#include "models/audio_core.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "model/proto.hpp"
#include "models/random_weights.hpp"
#include "qi8/error.hpp"

namespace qi8::models {
namespace {

namespace fs = std::filesystem;

// Most weights end off the alignment, so that the next needs padding.
constexpr AudioCoreSize kOdd{.blocks = 3, .width = 36, .heads = 3, .feed_forward = 50, .codes = 33};

[[nodiscard]] std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

[[nodiscard]] std::uint64_t fnv1a(const std::string& bytes) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

[[nodiscard]] bool is_float_weight(const onnx::TensorProto& tensor) {
  return tensor.data_type() == onnx::TensorProto::FLOAT && tensor.dims_size() > 0;
}

[[nodiscard]] std::uint64_t elements(const onnx::TensorProto& tensor) {
  std::uint64_t product = 1;
  for (const std::int64_t dim : tensor.dims()) product *= static_cast<std::uint64_t>(dim);
  return product;
}

[[nodiscard]] std::string external_value(const onnx::TensorProto& tensor, const std::string& key) {
  for (const auto& entry : tensor.external_data()) {
    if (entry.key() == key) return entry.value();
  }
  ADD_FAILURE() << tensor.name() << " has no " << key;
  return "0";
}

class AudioCoreTest : public testing::Test {
 protected:
  AudioCoreTest() {
    std::string name = (fs::temp_directory_path() / "audio_core_test.XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  ~AudioCoreTest() override { fs::remove_all(folder_); }

  struct Written {
    AudioCoreSummary summary;
    std::string model_bytes;
    std::string data;
    onnx::ModelProto model;
  };

  // Its result may be dropped.
  Written write(const AudioCoreOptions& options) {
    const fs::path path = folder_ / "model.onnx";
    Written written;
    written.summary = write_audio_core(path, options);
    written.model_bytes = read_file(path);
    if (!options.inline_weights) written.data = read_file(path.string() + ".data");
    EXPECT_TRUE(written.model.ParseFromString(written.model_bytes));
    return written;
  }

  // Also checks that a failure leaves the folder as it was.
  [[nodiscard]] ErrorKind error_of(const fs::path& path, const AudioCoreOptions& options) {
    const std::set<fs::path> before = files();
    try {
      write_audio_core(path, options);
    } catch (const Error& error) {
      EXPECT_EQ(files(), before);
      message_ = error.what();
      return error.kind();
    }
    ADD_FAILURE() << "no error";
    return ErrorKind::kCheckFailed;
  }

  [[nodiscard]] std::set<fs::path> files() const { return {fs::directory_iterator(folder_), {}}; }

  fs::path folder_;
  std::string message_;
};

TEST_F(AudioCoreTest, SameSizeAndSeedGiveTheSameBytes) {
  const Written first = write({});
  const Written second = write({});
  EXPECT_EQ(first.model_bytes, second.model_bytes);
  EXPECT_EQ(first.data, second.data);
  const Written other_seed = write({.seed = 2});
  EXPECT_EQ(first.model_bytes, other_seed.model_bytes);
  EXPECT_NE(first.data, other_seed.data);
}

// Whatever was measured with these weights holds for these bytes only: change them on purpose or not at all.
TEST_F(AudioCoreTest, BytesOfTinyAreTheKnownOnes) {
  EXPECT_EQ(fnv1a(write({}).data), 0x6f3528b584ae200d);
  EXPECT_EQ(fnv1a(write({.seed = 2}).data), 0x9e47c3119b86c200);
}

TEST_F(AudioCoreTest, TinyIsBelowOneMegabyte) {
  const Written written = write({});
  EXPECT_LT(written.model_bytes.size() + written.data.size(), 1'000'000);
  EXPECT_EQ(written.summary.model_bytes, written.model_bytes.size());
  EXPECT_EQ(written.summary.data_bytes, written.data.size());
}

TEST_F(AudioCoreTest, GraphIsATransformer) {
  const Written written = write({.size = kOdd});
  EXPECT_EQ(written.model.ir_version(), 8);
  ASSERT_EQ(written.model.opset_import_size(), 1);
  EXPECT_EQ(written.model.opset_import(0).version(), 17);

  const onnx::GraphProto& graph = written.model.graph();
  std::map<std::string, int> count;
  for (const auto& node : graph.node()) ++count[node.op_type()];
  const auto blocks = static_cast<int>(kOdd.blocks);
  const std::map<std::string, int> expected = {
      {"Gather", 1},
      {"LayerNormalization", 2 * blocks + 1},
      {"MatMul", 9 * blocks},  // q, k, v, o, gate, up, down; and two of activations
      {"Add", 6 * blocks},     // biases of q, k, v, o; and two residuals
      {"Mul", 3 * blocks},     // scale of the scores, SiLU, its product with up
      {"Softmax", blocks},
      {"Sigmoid", blocks},
      {"Transpose", 4 * blocks},
      {"Reshape", 4 * blocks + 2},
      {"Gemm", 1},
      {"Shape", 1},
      {"Concat", 1},
  };
  EXPECT_EQ(count, expected);

  ASSERT_EQ(graph.input_size(), 1);
  EXPECT_EQ(graph.input(0).name(), "codes");
  EXPECT_EQ(graph.input(0).type().tensor_type().elem_type(), onnx::TensorProto::INT64);
  ASSERT_EQ(graph.output_size(), 1);
  EXPECT_EQ(graph.output(0).name(), "logits");
  EXPECT_EQ(graph.output(0).type().tensor_type().elem_type(), onnx::TensorProto::FLOAT);
  const auto& shape = graph.output(0).type().tensor_type().shape();
  ASSERT_EQ(shape.dim_size(), 3);
  EXPECT_EQ(shape.dim(0).dim_param(), "batch");
  EXPECT_EQ(shape.dim(1).dim_param(), "time");
  EXPECT_EQ(shape.dim(2).dim_value(), kOdd.codes);
}

TEST_F(AudioCoreTest, EveryNameIsDefinedOnceBeforeItsUse) {
  const onnx::GraphProto graph = write({.size = kOdd}).model.graph();
  std::set<std::string> defined = {"codes"};
  std::set<std::string> used;
  std::set<std::string> nodes;
  for (const auto& tensor : graph.initializer())
    EXPECT_TRUE(defined.insert(tensor.name()).second) << tensor.name();
  for (const auto& node : graph.node()) {
    EXPECT_TRUE(nodes.insert(node.name()).second) << node.name();
    for (const auto& input : node.input()) {
      EXPECT_TRUE(defined.contains(input)) << node.name() << ": " << input;
      used.insert(input);
    }
    for (const auto& output : node.output()) EXPECT_TRUE(defined.insert(output).second) << output;
  }
  used.insert("logits");
  EXPECT_EQ(used, defined);
  EXPECT_TRUE(nodes.contains("block0/q/MatMul"));
}

TEST_F(AudioCoreTest, ExternalRangesTileTheFileInOrder) {
  for (const AudioCoreSize& size : {kTiny, kOdd}) {
    const Written written = write({.size = size});
    std::uint64_t end = 0;
    std::uint64_t parameters = 0;
    for (const auto& tensor : written.model.graph().initializer()) {
      if (!is_float_weight(tensor)) {
        EXPECT_EQ(tensor.data_location(), onnx::TensorProto::DEFAULT) << tensor.name();
        continue;
      }
      ASSERT_EQ(tensor.data_location(), onnx::TensorProto::EXTERNAL) << tensor.name();
      EXPECT_EQ(external_value(tensor, "location"), "model.onnx.data");
      const std::uint64_t offset = std::stoull(external_value(tensor, "offset"));
      const std::uint64_t length = std::stoull(external_value(tensor, "length"));
      EXPECT_EQ(offset % 64, 0) << tensor.name();
      EXPECT_EQ(offset, (end + 63) / 64 * 64) << tensor.name();
      EXPECT_EQ(length, elements(tensor) * sizeof(float)) << tensor.name();
      ASSERT_LE(offset, written.data.size());
      EXPECT_TRUE(std::all_of(written.data.begin() + static_cast<std::ptrdiff_t>(end),
                              written.data.begin() + static_cast<std::ptrdiff_t>(offset),
                              [](char c) { return c == '\0'; }));
      end = offset + length;
      parameters += elements(tensor);
    }
    EXPECT_EQ(end, written.data.size());
    EXPECT_EQ(parameters, written.summary.parameters);
  }
}

TEST_F(AudioCoreTest, InlineHoldsTheSameWeights) {
  const Written external = write({.size = kOdd});
  const Written inlined = write({.size = kOdd, .inline_weights = true});
  EXPECT_EQ(inlined.summary.data_bytes, 0);
  EXPECT_EQ(inlined.summary.model_bytes, inlined.model_bytes.size());
  // What was written by hand is what protobuf would write, in its order of fields but for opset_import before
  // graph.
  EXPECT_EQ(inlined.model.ByteSizeLong(), inlined.model_bytes.size());

  onnx::ModelProto expected = external.model;
  for (auto& tensor : *expected.mutable_graph()->mutable_initializer()) {
    if (!is_float_weight(tensor)) continue;
    tensor.set_raw_data(external.data.substr(std::stoull(external_value(tensor, "offset")),
                                             std::stoull(external_value(tensor, "length"))));
    tensor.clear_external_data();
    tensor.clear_data_location();
  }
  EXPECT_EQ(inlined.model.SerializeAsString(), expected.SerializeAsString());
}

TEST_F(AudioCoreTest, ReplacesAnExistingModelAndLeavesNothingElse) {
  const fs::path path = folder_ / "model.onnx";
  std::ofstream(path) << "old";
  std::ofstream(path.string() + ".data") << "old";
  write({});
  EXPECT_EQ(files(), (std::set<fs::path>{path, path.string() + ".data"}));
}

TEST_F(AudioCoreTest, RefusesSizesThatMakeNoSense) {
  const fs::path path = folder_ / "model.onnx";
  AudioCoreSize size = kTiny;
  size.heads = 5;
  EXPECT_EQ(error_of(path, {.size = size}), ErrorKind::kFailure);
  EXPECT_NE(message_.find("5 heads"), std::string::npos) << message_;
  for (std::int64_t AudioCoreSize::*member :
       {&AudioCoreSize::blocks, &AudioCoreSize::width, &AudioCoreSize::heads, &AudioCoreSize::feed_forward,
        &AudioCoreSize::codes}) {
    for (const std::int64_t value : {std::int64_t{0}, std::int64_t{-1}, INT64_MAX}) {
      size = kTiny;
      size.*member = value;
      EXPECT_EQ(error_of(path, {.size = size}), ErrorKind::kFailure);
      EXPECT_NE(message_.find(std::to_string(value)), std::string::npos) << message_;
    }
  }
}

TEST_F(AudioCoreTest, RefusesInlineOfTwoGibibytes) {
  EXPECT_EQ(error_of(folder_ / "model.onnx", {.size = kFull, .inline_weights = true}), ErrorKind::kFailure);
  EXPECT_NE(message_.find("2 GiB"), std::string::npos) << message_;
}

TEST_F(AudioCoreTest, RefusesPlacesWhereNoModelCanBe) {
  EXPECT_EQ(error_of(folder_ / "no_such_folder" / "model.onnx", {}), ErrorKind::kFailure);
  EXPECT_EQ(error_of(folder_, {}), ErrorKind::kFailure);
  EXPECT_EQ(error_of(folder_ / "", {}), ErrorKind::kFailure);
  fs::create_directory(folder_ / "model.onnx.data");
  EXPECT_EQ(error_of(folder_ / "model.onnx", {}), ErrorKind::kFailure);
}

TEST_F(AudioCoreTest, AStopLeavesNothingBehind) {
  const std::atomic<bool> stop = true;
  EXPECT_EQ(error_of(folder_ / "model.onnx", {.stop = &stop}), ErrorKind::kInterrupted);
}

struct Moments {
  double mean;
  double deviation;
};

[[nodiscard]] Moments moments(std::span<const float> values) {
  double sum = 0;
  double squares = 0;
  for (const float value : values) {
    sum += static_cast<double>(value);
    squares += static_cast<double>(value) * static_cast<double>(value);
  }
  const auto n = static_cast<double>(values.size());
  return {sum / n, std::sqrt(squares / n - sum / n * sum / n)};
}

[[nodiscard]] std::vector<float> made(const Distribution& distribution, std::uint64_t rows,
                                      std::uint64_t columns) {
  std::vector<float> values(rows * columns);
  RandomWeights(1, "W", distribution, rows, columns).fill(0, values);
  return values;
}

TEST(RandomWeightsTest, AreNormal) {
  const std::vector<float> values = made({.mean = 0, .deviation = 1}, 1, 1 << 20);
  // The standard error of the mean is 0.001, that of the shares below 0.0005.
  EXPECT_NEAR(moments(values).mean, 0, 0.004);
  EXPECT_NEAR(moments(values).deviation, 1, 0.004);
  const std::map<float, double> share_within = {
      {0.5F, 0.38292}, {1.0F, 0.68269}, {2.0F, 0.95450}, {3.0F, 0.99730}};
  for (const auto& [limit, share] : share_within) {
    const auto within =
        std::count_if(values.begin(), values.end(), [bound = limit](float x) { return std::abs(x) < bound; });
    EXPECT_NEAR(static_cast<double>(within) / (1 << 20), share, 0.002) << limit;
  }
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  EXPECT_GT(*most, 4);
  EXPECT_LT(*least, -4);
  EXPECT_LT(std::max(*most, -*least), 5.5F);
}

TEST(RandomWeightsTest, MeanAndDeviationAreAsAsked) {
  const Moments norm = moments(made({.mean = 1, .deviation = 0.1F}, 1, 1 << 16));
  EXPECT_NEAR(norm.mean, 1, 0.002);
  EXPECT_NEAR(norm.deviation, 0.1, 0.002);
  for (const ChannelAxis axis : {ChannelAxis::kFirst, ChannelAxis::kLast}) {
    const Moments dense = moments(made({.deviation = 0.05F, .channels = axis}, 1024, 1024));
    EXPECT_NEAR(dense.mean, 0, 0.0005);
    EXPECT_NEAR(dense.deviation, 0.05, 0.002);
  }
}

TEST(RandomWeightsTest, ChannelsDifferByAFactorOfUpToFour) {
  constexpr std::size_t kChannels = 256;
  constexpr std::size_t kEach = 4096;
  for (const ChannelAxis axis : {ChannelAxis::kFirst, ChannelAxis::kLast}) {
    const bool first = axis == ChannelAxis::kFirst;
    const std::vector<float> values =
        made({.channels = axis}, first ? kChannels : kEach, first ? kEach : kChannels);
    std::vector<double> magnitude(kChannels);
    for (std::size_t i = 0; i < values.size(); ++i) {
      magnitude[first ? i / kEach : i % kChannels] += static_cast<double>(std::abs(values[i]));
    }
    const auto [least, most] = std::minmax_element(magnitude.begin(), magnitude.end());
    EXPECT_GT(*most / *least, 3.6);
    EXPECT_LT(*most / *least, 4.4);
  }
}

TEST(RandomWeightsTest, FewElementsStickOut) {
  constexpr std::uint64_t kCount = 1 << 22;
  const std::vector<float> values = made({.channels = ChannelAxis::kFirst}, 1, kCount);
  const double scale = moments(values).deviation;
  // No normal value is above 5.5. An outlier is 4 to 8 times one, and above it 36 times in 100.
  const auto out = std::count_if(values.begin(), values.end(),
                                 [&](float x) { return static_cast<double>(std::abs(x)) > 5.5 * scale; });
  const double expected = 0.36 * static_cast<double>(kCount) / static_cast<double>(kOutlierPeriod);
  EXPECT_NEAR(static_cast<double>(out), expected, expected / 2);
}

TEST(RandomWeightsTest, DoNotDependOnHowTheyAreCut) {
  constexpr std::uint64_t kRows = 37;
  constexpr std::uint64_t kColumns = 53;
  for (const ChannelAxis axis : {ChannelAxis::kNone, ChannelAxis::kFirst, ChannelAxis::kLast}) {
    const Distribution distribution{.channels = axis};
    const std::vector<float> whole = made(distribution, kRows, kColumns);
    std::vector<float> pieces(whole.size());
    const RandomWeights weights(1, "W", distribution, kRows, kColumns);
    for (std::size_t first = 0; first < pieces.size(); first += 100) {
      weights.fill(first,
                   std::span(pieces).subspan(first, std::min<std::size_t>(100, pieces.size() - first)));
    }
    EXPECT_EQ(whole, pieces);
  }
}

TEST(RandomWeightsTest, TensorsAndSeedsDiffer) {
  const auto first_of = [](std::uint64_t seed, const char* name) {
    float value = 0;
    RandomWeights(seed, name, {}, 1, 1).fill(0, {&value, 1});
    return value;
  };
  const std::set<float> values = {first_of(1, "a"), first_of(1, "b"), first_of(2, "a"), first_of(2, "b")};
  EXPECT_EQ(values.size(), 4);
}

}  // namespace
}  // namespace qi8::models
