// Writes the seeds of the fuzz targets: make_seeds FOLDER. Only what a shape of input asks for; findings are
// put there by hand, under names that say what they are.
#include <cstdio>
#include <functional>
#include <map>
#include <string>

#include "fuzz/model_input.hpp"
#include "support/model_builder.hpp"
#include "support/npz_builder.hpp"
#include "support/temp_folder.hpp"

namespace qi8::testing {
namespace {

namespace fs = std::filesystem;

[[nodiscard]] ModelBuilder MatMul(Storage storage) {
  ModelBuilder builder;
  builder.Input("x", {-1, 16}).Output("y", {-1, 8}).Initializer("w", {16, 8}, RandomValues(128), storage);
  builder.Node("MatMul", {"x", "w"}, {"y"}, "proj");
  return builder;
}

[[nodiscard]] ModelBuilder Gemm() {
  ModelBuilder builder;
  builder.Input("x", {16, -1}).Output("y", {-1, 8}).Initializer("w", {8, 16}, RandomValues(128));
  builder.Initializer("c", {8}, RandomValues(8));
  auto& node = builder.Node("Gemm", {"x", "w", "c"}, {"y"}, "fc");
  SetInt(node, "transA", 1);
  SetInt(node, "transB", 1);
  SetFloat(node, "alpha", 0.5F);
  SetFloat(node, "beta", 2);
  return builder;
}

// A table that is embedding and last projection, through a Transpose.
[[nodiscard]] ModelBuilder TiedEmbedding() {
  ModelBuilder builder;
  builder.Input("codes", {-1, -1}, onnx::TensorProto::INT64).Output("y", {-1, -1, 12});
  builder.Initializer("table", {12, 8}, RandomValues(96));
  builder.Node("Gather", {"table", "codes"}, {"rows"}, "embed");
  SetInts(builder.Node("Transpose", {"table"}, {"turned"}, "turn"), "perm", {1, 0});
  builder.Node("MatMul", {"rows", "turned"}, {"y"}, "logits");
  return builder;
}

// Weights in Constant nodes, behind Reshape and Cast, of a batch of matrices.
[[nodiscard]] ModelBuilder Constants() {
  ModelBuilder builder;
  builder.Input("x", {2, 4, 8}).Output("y", {2, 4, 4});
  SetTensor(builder.Node("Constant", {}, {"flat"}, "constant"), "value", {64}, RandomValues(64));
  builder.Int64Initializer("shape", {3}, {2, 8, 4});
  builder.Node("Reshape", {"flat", "shape"}, {"w"}, "reshape");
  builder.Node("MatMul", {"x", "w"}, {"y"}, "batched");
  return builder;
}

[[nodiscard]] ModelBuilder Bodies() {
  ModelBuilder builder = MatMul(Storage::kRawData);
  builder.Input("c", {}, onnx::TensorProto::BOOL).Output("z", {-1, 8});
  auto& branch = builder.Node("If", {"c"}, {"z"}, "if");
  for (const char* name : {"then_branch", "else_branch"}) {
    onnx::GraphProto& graph = SetGraph(branch, name);
    auto& node = *graph.add_node();
    node.set_op_type("MatMul");
    node.add_input("x");
    node.add_input("w");
    node.add_output(std::string("inner_") + name);
    graph.add_output()->set_name(node.output(0));
  }
  return builder;
}

[[nodiscard]] ModelBuilder ConvAndLstm() {
  ModelBuilder builder;
  builder.Input("x", {1, 2, 6}).Output("y", {1, 4, 4});
  builder.Initializer("w", {4, 2, 3}, RandomValues(24)).Initializer("b", {4}, RandomValues(4));
  builder.Node("Conv", {"x", "w", "b"}, {"y"}, "conv");
  builder.Input("s", {3, 1, 4}).Output("h", {3, 1, 1, 2});
  builder.Initializer("lw", {1, 8, 4}, RandomValues(32)).Initializer("lr", {1, 8, 2}, RandomValues(16));
  SetInt(builder.Node("LSTM", {"s", "lw", "lr"}, {"h"}, "lstm"), "hidden_size", 2);
  return builder;
}

[[nodiscard]] ModelBuilder OldOpset() {
  ModelBuilder builder(9, 3);
  builder.Input("x", {-1, 16})
      .Input("w", {16, 8})
      .Output("y", {-1, 8})
      .Initializer("w", {16, 8}, RandomValues(128));
  builder.Node("MatMul", {"x", "w"}, {"y"}, "proj");
  return builder;
}

[[nodiscard]] ModelBuilder HalfPrecision() {
  ModelBuilder builder;
  builder.Input("x", {-1, 8}, onnx::TensorProto::FLOAT16).Output("y", {-1, 8}, onnx::TensorProto::FLOAT16);
  builder.Initializer("w", {8, 8}, RandomValues(32));  // as many bytes as 64 of 16 bits
  builder.graph().mutable_initializer(0)->set_data_type(onnx::TensorProto::FLOAT16);
  builder.Node("MatMul", {"x", "w"}, {"y"}, "proj");
  return builder;
}

class Seeds {
 public:
  explicit Seeds(fs::path folder) : folder_(std::move(folder)) {}

  void Add(const std::string& target, const std::string& name, const std::string& bytes) const {
    fs::create_directories(folder_ / target);
    WriteFile(folder_ / target / name, bytes);
  }

  // For every target that takes a model, with these options.
  void AddModel(const std::string& name, ModelBuilder builder, std::string options = "") const {
    const TempFolder work;
    builder.Save(work / "m.onnx");
    options.resize(kOptionBytes, '\0');
    for (const char* target : {"model_load", "plan", "whole_run"})
      Add(target, name, options + ReadFile(work / "m.onnx"));
  }

 private:
  fs::path folder_;
};

// Bytes that begin with these numbers of 16 bits.
[[nodiscard]] std::string Numbers(const std::vector<std::uint16_t>& numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(std::uint16_t)};
}

void AddModels(const Seeds& seeds) {
  seeds.AddModel("matmul", MatMul(Storage::kRawData));
  seeds.AddModel("matmul-external", MatMul(Storage::kExternal), std::string("\0\0\0\0\0\2", 6));
  seeds.AddModel("matmul-literal", MatMul(Storage::kUnpackedFloatData), std::string("\0\0\x03", 3));
  seeds.AddModel("gemm", Gemm(), std::string("\1\0\7", 3));
  seeds.AddModel("tied-embedding", TiedEmbedding());
  seeds.AddModel("constants", Constants(), std::string("\0\0\x02", 3));
  seeds.AddModel("bodies", Bodies(), std::string("\1\1\0", 3));
  seeds.AddModel("conv-lstm", ConvAndLstm(), std::string("\1\0\0", 3));
  seeds.AddModel("conv-lstm-stored", ConvAndLstm(), std::string("\0\1\0", 3));
  seeds.AddModel("old-opset", OldOpset(), std::string("\0\0\x40", 3));
  seeds.AddModel("half-precision", HalfPrecision());
}

void AddOthers(const Seeds& seeds) {
  // One tensor in d, its range told by numbers; one in a huge file.
  seeds.Add("external_data", "in-range", std::string("\1w\1\2\0\1\2\1\2\0\3\0\0\0\1\3\0\0\2\3\0\3", 22));
  seeds.Add("external_data", "zeros", std::string(64, '\0'));
  seeds.Add("external_data", "counting", [] {
    std::string bytes;
    for (int i = 0; i < 200; ++i) bytes += static_cast<char>(i * 37);
    return bytes;
  }());
  // A byte for the kind of part, one for the part, one for the slash.
  seeds.Add("locations", "beneath", std::string("\0\1\0\0\2\377\1", 7));
  seeds.Add("locations", "up-and-down", std::string("\0\1\0\0\16\0\0\0\377\1", 10));
  seeds.Add("locations", "text", std::string("\377\3x/y\0\0\0\0\1", 10));
  seeds.Add(
      "yaml_section", "sarai",
      "\23models/int8 #1.onnxaudio_omni:  # the model\n  name: \"Qwen\"\n  model_path: models/fp32.onnx\n"
      "  max_memory_mb: 4400  # MB\nother: [1, {a: b}]\n");
  seeds.Add("yaml_section", "flow",
            "\4a'b\"models: {audio_omni: {model_path: 'x', max_memory_mb: \"1\"}}\n---\n- &a b\n");
  const auto values = RandomValues(96);
  const std::string floats(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  for (const std::uint16_t columns : std::initializer_list<std::uint16_t>{0, 6, 31, 64}) {
    std::string head = Numbers({columns, 0, 1, 3}) + std::string("\1\1\x00\x00\x80\x3c", 6);
    for (int i = 0; i <= columns; ++i) head += Numbers({0});
    seeds.Add("kernels", std::to_string(columns + 1) + "-columns", head + floats);
  }
  const std::string hex(64, '0');
  seeds.Add("checksum_file", "own-and-other-lines",
            "\6q.onnx\13q.onnx.data" + hex + "  other\n" + hex + "  q.onnx\n" + hex + " *q.onnx.data\n");
  // The first byte: an array, or an archive of them.
  const std::string array = NpyFile<float>("<f4", "(2, 3)", {1, 2, 3, 4, 5, 6});
  const std::string scalar = NpyFile<std::int64_t>("<i8", "()", {7});
  seeds.Add("recorded_inputs", "array", std::string(1, '\0') + array);
  seeds.Add("recorded_inputs", "scalar", std::string(1, '\0') + scalar);
  seeds.Add("recorded_inputs", "big-endian", std::string(1, '\0') + NpyFile<float>(">f4", "(2,)", {1, 2}));
  seeds.Add("recorded_inputs", "archive",
            "\1" + ZipFile({{.name = "x.npy", .bytes = array}, {.name = "n.npy", .bytes = scalar}}));
  seeds.Add("recorded_inputs", "archive-of-nothing", "\1" + ZipFile({}));
  seeds.Add("audit_log", "chain", std::string("\0\3\0\4root\3you\1x\100\0\0\0!", 18));
  seeds.Add("audit_log", "lines",
            "\1{\"schema\":1,\"previous\":\"\",\"seconds\":1.5,\"inputs\":[{\"path\":\"/a\"}],\"sha256\":\"" +
                hex + "\"}\n[]\n\nnot JSON\n{\"user\":null}");
  seeds.Add("config", "every-type",
            "force = true\nthreads = 2\nmemory-budget = \"96MiB\"\nops = [\"MatMul\", \"Gemm\"]\nsymmetric = "
            "false\n"
            "exclude = ['^/head/', \"\"\"x\"\"\"]  # a comment\nweight-type = \"uint8\"\n");
  seeds.Add("config", "not-options",
            "[table]\nkey = {a = 1, 'b' = [[1.5e3, inf], [1979-05-27T07:32:00Z]]}\n[[array]]\nx.y = 0xff\n");
  seeds.Add("checksum_file", "escaped-names", "\4a\\\nb\1\\\\" + hex + "  a\\\\\\nb\n# no line of ours\n\n");
}

}  // namespace
}  // namespace qi8::testing

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: make_seeds FOLDER\n", stderr);
    return 2;
  }
  const qi8::testing::Seeds seeds(argv[1]);
  qi8::testing::AddModels(seeds);
  qi8::testing::AddOthers(seeds);
  return 0;
}
