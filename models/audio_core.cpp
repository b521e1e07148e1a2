#include "models/audio_core.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "models/output_file.hpp"
#include "models/random_weights.hpp"
#include "qi8/error.hpp"

namespace qi8::models {
namespace {

static_assert(std::endian::native == std::endian::little, "ONNX stores raw data as little-endian");

constexpr int kIrVersion = 8;
constexpr int kOpset = 17;
constexpr std::uint64_t kAlignment = 64;  // of a weight in the .data file, bytes
constexpr std::uint64_t kChunk = 65536;   // weights made at a time
// Within these no product or sum of sizes below can overflow 64 bits.
constexpr std::int64_t kMaxDimension = 1 << 20;
constexpr std::int64_t kMaxBlocks = 10000;

struct Weight {
  std::string name;
  std::vector<std::int64_t> dims;
  Distribution distribution;

  [[nodiscard]] std::uint64_t elements() const {
    return std::accumulate(
        dims.begin(), dims.end(), std::uint64_t{1},
        [](std::uint64_t product, std::int64_t dim) { return product * static_cast<std::uint64_t>(dim); });
  }
  [[nodiscard]] std::uint64_t bytes() const { return elements() * sizeof(float); }
};

std::uint64_t aligned(std::uint64_t offset) { return (offset + kAlignment - 1) / kAlignment * kAlignment; }

void check_size(const AudioCoreSize& size) {
  const auto check = [](const char* what, std::int64_t value, std::int64_t most) {
    if (value >= 1 && value <= most) return;
    throw Error(ErrorKind::kFailure, std::string(what) + " is " + std::to_string(value) +
                                         "; it must be from 1 to " + std::to_string(most));
  };
  check("the number of blocks", size.blocks, kMaxBlocks);
  check("the width", size.width, kMaxDimension);
  check("the number of heads", size.heads, kMaxDimension);
  check("the feed-forward width", size.feed_forward, kMaxDimension);
  check("the number of codes", size.codes, kMaxDimension);
  if (size.width % size.heads != 0) {
    throw Error(ErrorKind::kFailure, "a width of " + std::to_string(size.width) + " cannot be shared by " +
                                         std::to_string(size.heads) +
                                         " heads; choose a divisor of the width");
  }
}

// Adds the nodes and small constants to a graph and lists the weights, all in the order of use. A node's
// output has the node's name.
class AudioCore {
 public:
  AudioCore(const AudioCoreSize& size, onnx::GraphProto& graph) : size_(size), graph_(graph) {
    graph_.set_name("audio_core");
    value_info(graph_.add_input(), "codes", onnx::TensorProto::INT64, {"batch", "time"});
    const std::int64_t head_width = size.width / size.heads;
    // A 0 keeps the dimension as it is, -1 takes what is left.
    shape_constant("split_heads", {0, 0, size.heads, head_width});
    shape_constant("join_heads", {0, 0, size.width});
    shape_constant("rows", {-1, size.width});
    shape_constant("codes_dim", {size.codes});
    scalar_constant("attention_scale", fan_in_scale(head_width));

    const Distribution embedding{.deviation = 1, .channels = ChannelAxis::kFirst};
    std::string x =
        node("Gather", "embed/Gather", {weight("embed/W", {size.codes, size.width}, embedding), "codes"});
    for (std::int64_t i = 0; i < size.blocks; ++i) {
      const std::string block = "block" + std::to_string(i) + "/";
      x = attention(block, x);
      x = feed_forward(block, x);
    }
    head(norm("norm", x));
    value_info(graph_.add_output(), "logits", onnx::TensorProto::FLOAT, {"batch", "time", ""});
    graph_.mutable_output(0)
        ->mutable_type()
        ->mutable_tensor_type()
        ->mutable_shape()
        ->mutable_dim(2)
        ->set_dim_value(size.codes);
  }

  [[nodiscard]] const std::vector<Weight>& weights() const { return weights_; }

 private:
  // Gains on top of 1/sqrt(fan-in), which keeps the mean square of a unit input.
  //
  // Scores of softmax have a deviation of the product of the two gains, about 2: it attends to some steps
  // more than to others, and to more than one.
  static constexpr float kQueryKeyGain = 1.4F;
  // SiLU(gate) * up of unit normal inputs has a root mean square of 0.6.
  static constexpr float kDownGain = 1.7F;

  std::string attention(const std::string& block, const std::string& x) {
    const std::string in = norm(block + "norm1", x);
    const std::string q = heads(block + "q", in, kQueryKeyGain, {0, 2, 1, 3});
    const std::string k = heads(block + "k", in, kQueryKeyGain, {0, 2, 3, 1});  // transposed for q times k
    const std::string v = heads(block + "v", in, 1, {0, 2, 1, 3});
    const std::string attn = block + "attn/";
    std::string scores = node("MatMul", attn + "qk", {q, k});
    scores = node("Mul", attn + "Mul", {scores, "attention_scale"});
    scores = node("Softmax", attn + "Softmax", {scores});
    std::string mixed = node("MatMul", attn + "pv", {scores, v});
    mixed = transpose(attn + "Transpose", mixed, {0, 2, 1, 3});
    mixed = node("Reshape", attn + "Reshape", {mixed, "join_heads"});
    const std::string out = dense(block + "o", mixed, size_.width, size_.width, residual_gain());
    return node("Add", attn + "Add", {x, add_bias(block + "o", out, size_.width)});
  }

  // [batch, time, width] -> projection -> heads in front, as the permutation says
  std::string heads(const std::string& name, const std::string& x, float gain,
                    std::initializer_list<std::int64_t> perm) {
    const std::string projected = add_bias(name, dense(name, x, size_.width, size_.width, gain), size_.width);
    return transpose(name + "/Transpose", node("Reshape", name + "/Reshape", {projected, "split_heads"}),
                     perm);
  }

  std::string feed_forward(const std::string& block, const std::string& x) {
    const std::string in = norm(block + "norm2", x);
    const std::string gate = dense(block + "gate", in, size_.width, size_.feed_forward, 1);
    const std::string sigmoid = node("Sigmoid", block + "ff/Sigmoid", {gate});
    const std::string silu = node("Mul", block + "ff/SiLU", {gate, sigmoid});
    const std::string up = dense(block + "up", in, size_.width, size_.feed_forward, 1);
    const std::string hidden = node("Mul", block + "ff/Mul", {silu, up});
    const std::string out =
        dense(block + "down", hidden, size_.feed_forward, size_.width, kDownGain * residual_gain());
    return node("Add", block + "ff/Add", {x, out});
  }

  void head(const std::string& x) {
    const std::string rows = node("Reshape", "head/rows", {x, "rows"});
    const Distribution distribution{.deviation = fan_in_scale(size_.width), .channels = ChannelAxis::kFirst};
    const std::string w = weight("head/W", {size_.codes, size_.width}, distribution);
    const std::string gemm = node("Gemm", "head/Gemm", {rows, w, bias("head/B", size_.codes)});
    onnx::AttributeProto* trans_b = last_node().add_attribute();
    trans_b->set_name("transB");
    trans_b->set_type(onnx::AttributeProto::INT);
    trans_b->set_i(1);
    const std::string shape =
        node("Concat", "head/Concat", {node("Shape", "head/Shape", {"codes"}), "codes_dim"});
    onnx::AttributeProto* axis = last_node().add_attribute();
    axis->set_name("axis");
    axis->set_type(onnx::AttributeProto::INT);
    axis->set_i(0);
    node("Reshape", "head/Reshape", {gemm, shape});
    last_node().set_output(0, "logits");
  }

  // The branches of all blocks add up to about as much as the embedding.
  [[nodiscard]] float residual_gain() const { return 1 / std::sqrt(2 * static_cast<float>(size_.blocks)); }
  static float fan_in_scale(std::int64_t inputs) { return 1 / std::sqrt(static_cast<float>(inputs)); }

  std::string dense(const std::string& name, const std::string& x, std::int64_t inputs, std::int64_t outputs,
                    float gain) {
    const Distribution distribution{.deviation = gain * fan_in_scale(inputs), .channels = ChannelAxis::kLast};
    return node("MatMul", name + "/MatMul", {x, weight(name + "/W", {inputs, outputs}, distribution)});
  }

  std::string add_bias(const std::string& name, const std::string& x, std::int64_t outputs) {
    return node("Add", name + "/Add", {bias(name + "/B", outputs), x});
  }

  std::string bias(const std::string& name, std::int64_t length) {
    return weight(name, {length}, {.deviation = 0.02F});
  }

  std::string norm(const std::string& name, const std::string& x) {
    const std::string scale = weight(name + "/W", {size_.width}, {.mean = 1, .deviation = 0.1F});
    return node("LayerNormalization", name + "/LayerNorm", {x, scale, bias(name + "/B", size_.width)});
  }

  std::string transpose(const std::string& name, const std::string& x,
                        std::initializer_list<std::int64_t> perm) {
    std::string y = node("Transpose", name, {x});
    onnx::AttributeProto* attribute = last_node().add_attribute();
    attribute->set_name("perm");
    attribute->set_type(onnx::AttributeProto::INTS);
    attribute->mutable_ints()->Add(perm.begin(), perm.end());
    return y;
  }

  std::string node(const char* op_type, const std::string& name, std::initializer_list<std::string> inputs) {
    onnx::NodeProto* node = graph_.add_node();
    for (const std::string& input : inputs) node->add_input(input);
    node->add_output(tensor_name(name));
    node->set_name(name);
    node->set_op_type(op_type);
    return node->output(0);
  }
  onnx::NodeProto& last_node() { return *graph_.mutable_node(graph_.node_size() - 1); }

  std::string weight(const std::string& name, std::vector<std::int64_t> dims,
                     const Distribution& distribution) {
    return weights_.emplace_back(Weight{tensor_name(name), std::move(dims), distribution}).name;
  }

  static std::string tensor_name(const std::string& name) {
    constexpr std::string_view kBlock = "block";
    return name.starts_with(kBlock) ? std::string("b").append(name, kBlock.size()) : name;
  }

  void shape_constant(const char* name, std::initializer_list<std::int64_t> values) {
    onnx::TensorProto* tensor = graph_.add_initializer();
    tensor->add_dims(static_cast<std::int64_t>(values.size()));
    tensor->set_data_type(onnx::TensorProto::INT64);
    tensor->set_name(name);
    tensor->mutable_int64_data()->Add(values.begin(), values.end());
  }

  void scalar_constant(const char* name, float value) {
    onnx::TensorProto* tensor = graph_.add_initializer();
    tensor->set_data_type(onnx::TensorProto::FLOAT);
    tensor->set_name(name);
    tensor->add_float_data(value);
  }

  static void value_info(onnx::ValueInfoProto* info, const char* name, int type,
                         std::initializer_list<const char*> dims) {
    info->set_name(name);
    onnx::TypeProto::Tensor* tensor = info->mutable_type()->mutable_tensor_type();
    tensor->set_elem_type(type);
    for (const char* dim : dims) {
      onnx::TensorShapeProto::Dimension* added = tensor->mutable_shape()->add_dim();
      if (*dim != '\0') added->set_dim_param(dim);
    }
  }

  AudioCoreSize size_;
  onnx::GraphProto& graph_;
  std::vector<Weight> weights_;
};

// Name, type and shape: everything of the tensor but its bytes.
onnx::TensorProto tensor_header(const Weight& weight) {
  onnx::TensorProto tensor;
  tensor.mutable_dims()->Add(weight.dims.begin(), weight.dims.end());
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  tensor.set_name(weight.name);
  return tensor;
}

void add_external_initializers(const std::vector<Weight>& weights, const std::string& location,
                               onnx::GraphProto& graph) {
  std::uint64_t offset = 0;
  for (const Weight& weight : weights) {
    onnx::TensorProto tensor = tensor_header(weight);
    const auto entry = [&](const char* key, const std::string& value) {
      onnx::StringStringEntryProto* added = tensor.add_external_data();
      added->set_key(key);
      added->set_value(value);
    };
    entry("location", location);
    entry("offset", std::to_string(offset));
    entry("length", std::to_string(weight.bytes()));
    tensor.set_data_location(onnx::TensorProto::EXTERNAL);
    *graph.add_initializer() = std::move(tensor);
    offset = aligned(offset + weight.bytes());
  }
}

// A field of protobuf's wire format that is `length` bytes long: its tag and length, which the bytes follow.
std::string field_start(int field, std::uint64_t length) {
  constexpr std::uint64_t kLengthDelimited = 2;
  std::array<std::uint8_t, 20> buffer{};
  using google::protobuf::io::CodedOutputStream;
  std::uint8_t* end = CodedOutputStream::WriteVarint64ToArray(
      static_cast<std::uint64_t>(field) << 3 | kLengthDelimited, buffer.data());
  end = CodedOutputStream::WriteVarint64ToArray(length, end);
  return {buffer.data(), end};
}

// What comes before the bytes of a weight in a graph that holds them.
std::string inline_initializer_start(const Weight& weight) {
  const std::string in_tensor = tensor_header(weight).SerializeAsString() +
                                field_start(onnx::TensorProto::kRawDataFieldNumber, weight.bytes());
  return field_start(onnx::GraphProto::kInitializerFieldNumber, in_tensor.size() + weight.bytes()) +
         in_tensor;
}

// What comes before the initializers in a model that holds them. They are the end of the graph, and it of the
// model.
std::string inline_model_start(const onnx::ModelProto& model, const onnx::GraphProto& graph,
                               const std::vector<Weight>& weights) {
  const std::string graph_start = graph.SerializeAsString();
  std::uint64_t graph_bytes = graph_start.size();
  for (const Weight& weight : weights)
    graph_bytes += inline_initializer_start(weight).size() + weight.bytes();
  std::string start =
      model.SerializeAsString() + field_start(onnx::ModelProto::kGraphFieldNumber, graph_bytes);
  const std::uint64_t total = start.size() + graph_bytes;
  if (total > std::numeric_limits<std::int32_t>::max()) {
    throw Error(ErrorKind::kFailure,
                "the model would be " + std::to_string(total) +
                    " bytes, and a protobuf file must be below 2 GiB; leave out --inline");
  }
  return start + graph_start;
}

void write_text(OutputFile& file, const std::string& text) { file.write(std::as_bytes(std::span(text))); }

// Makes the weights and writes them, with a buffer that is used again for each.
class WeightWriter {
 public:
  WeightWriter(std::uint64_t seed, const std::atomic<bool>* stop)
      : seed_(seed), stop_(stop), buffer_(kChunk) {}

  void write(const Weight& weight, OutputFile& file) {
    const auto columns = static_cast<std::uint64_t>(weight.dims.back());
    const std::uint64_t elements = weight.elements();
    const RandomWeights values(seed_, weight.name, weight.distribution, elements / columns, columns);
    for (std::uint64_t first = 0; first < elements; first += kChunk) {
      if (stop_ != nullptr && stop_->load()) throw Error(ErrorKind::kInterrupted, "interrupted");
      const std::span<float> chunk = std::span(buffer_).first(std::min(kChunk, elements - first));
      values.fill(first, chunk);
      file.write(std::as_bytes(chunk));
    }
  }

 private:
  std::uint64_t seed_;
  const std::atomic<bool>* stop_;
  std::vector<float> buffer_;
};

void check_space(const std::filesystem::path& output, std::uint64_t bytes) {
  const std::filesystem::path folder = output.has_parent_path() ? output.parent_path() : ".";
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(folder, error);
  // A folder that is wrong, creating the file will tell; and some file systems report no sizes at all.
  if (error || space.capacity == 0 || space.available >= bytes) return;
  throw Error(ErrorKind::kFailure, "'" + folder.string() + "' has " + std::to_string(space.available) +
                                       " bytes free and the model needs " + std::to_string(bytes));
}

}  // namespace

AudioCoreSummary write_audio_core(const std::filesystem::path& output, const AudioCoreOptions& options) {
  check_size(options.size);
  if (!output.has_filename()) {
    throw Error(ErrorKind::kFailure, "'" + output.string() + "' names no file; add one, such as model.onnx");
  }

  onnx::ModelProto model;
  model.set_ir_version(kIrVersion);
  model.set_producer_name("make-audio-core");
  model.add_opset_import()->set_version(kOpset);
  onnx::GraphProto graph;
  const std::vector<Weight> weights = AudioCore(options.size, graph).weights();

  AudioCoreSummary summary{};
  for (const Weight& weight : weights) summary.parameters += weight.elements();
  check_space(output, summary.parameters * sizeof(float));

  WeightWriter writer(options.seed, options.stop);
  std::filesystem::path data_path = output;
  data_path += ".data";
  std::optional<OutputFile> data_file;
  std::string model_start;
  if (options.inline_weights) {
    model_start = inline_model_start(model, graph, weights);
  } else {
    add_external_initializers(weights, data_path.filename().string(), graph);
    *model.mutable_graph() = std::move(graph);
    model_start = model.SerializeAsString();
    data_file.emplace(data_path);
  }

  OutputFile model_file(output);
  write_text(model_file, model_start);
  for (const Weight& weight : weights) {
    if (data_file) {
      write_text(*data_file, std::string(aligned(data_file->size()) - data_file->size(), '\0'));
      writer.write(weight, *data_file);
    } else {
      write_text(model_file, inline_initializer_start(weight));
      writer.write(weight, model_file);
    }
  }

  if (data_file) data_file->finish();
  model_file.finish();
  if (data_file) data_file->publish();
  model_file.publish();
  summary.model_bytes = model_file.size();
  summary.data_bytes = data_file ? data_file->size() : 0;
  return summary;
}

}  // namespace qi8::models
