#include "support/exact_products.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "model/proto.hpp"
#include "support/model_builder.hpp"

namespace qi8::testing {
namespace {

// Where an operator has the codes of a weight, and where their zero point.
struct CodesInput {
  std::string_view op_type;
  int codes;
  int zero_point;
};
constexpr std::array<CodesInput, 7> kCodesInputs = {{{"ConvInteger", 1, 3},
                                                     {"DynamicQuantizeLSTM", 1, 9},
                                                     {"DynamicQuantizeLSTM", 2, 11},
                                                     {"DynamicQuantizeMatMul", 1, 3},
                                                     {"MatMulInteger", 1, 3},
                                                     {"MatMulIntegerToFloat", 1, 5},
                                                     {"QAttention", 1, 7}}};

[[nodiscard]] std::string ExternalEntry(const onnx::TensorProto& tensor, std::string_view key) {
  for (const auto& entry : tensor.external_data()) {
    if (entry.key() == key) return entry.value();
  }
  return {};
}

[[nodiscard]] std::string BytesOf(const onnx::TensorProto& tensor, const std::filesystem::path& folder) {
  if (tensor.data_location() == onnx::TensorProto::EXTERNAL) {
    std::string bytes(std::stoull(ExternalEntry(tensor, "length")), '\0');
    const std::string offset = ExternalEntry(tensor, "offset");
    std::ifstream file(folder / ExternalEntry(tensor, "location"), std::ios::binary);
    file.seekg(offset.empty() ? 0 : static_cast<std::streamoff>(std::stoull(offset)));
    file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return bytes;
  }
  if (tensor.int32_data().empty()) return tensor.raw_data();
  std::string bytes;
  std::ranges::transform(tensor.int32_data(), std::back_inserter(bytes),
                         [](std::int32_t value) { return static_cast<char>(value); });
  return bytes;
}

class Rewriter {
 public:
  explicit Rewriter(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // `scopes` are the graphs around this one.
  void Rewrite(onnx::GraphProto& graph, std::vector<const onnx::GraphProto*> scopes = {}) {
    const onnx::GraphProto before = graph;
    scopes.push_back(&before);
    graph.clear_node();
    for (onnx::NodeProto node : before.node()) {
      for (const CodesInput& input : kCodesInputs) {
        if (node.op_type() == input.op_type) RewriteNode(node, input, graph, scopes);
      }
      for (onnx::AttributeProto& attribute : *node.mutable_attribute()) {
        if (attribute.has_g()) Rewrite(*attribute.mutable_g(), scopes);
      }
      *graph.add_node() = std::move(node);
    }
  }

  [[nodiscard]] int rewritten() const { return rewritten_; }

 private:
  using Scopes = std::vector<const onnx::GraphProto*>;

  void RewriteNode(onnx::NodeProto& node, const CodesInput& input, onnx::GraphProto& graph,
                   const Scopes& scopes) {
    if (node.input_size() <= input.codes || !IsInt8(node.input(input.codes), scopes)) return;
    while (node.input_size() <= input.zero_point) node.add_input("");
    node.set_input(input.codes, AddShifted(node.input(input.codes), graph, scopes));
    node.set_input(input.zero_point, AddShifted(node.input(input.zero_point), graph, scopes));
    ++rewritten_;
  }

  [[nodiscard]] static const onnx::TensorProto* FindConstant(const std::string& name, const Scopes& scopes) {
    for (auto scope = scopes.rbegin(); scope != scopes.rend(); ++scope) {  // the innermost first
      for (const onnx::TensorProto& tensor : (*scope)->initializer()) {
        if (tensor.name() == name) return &tensor;
      }
      for (const onnx::NodeProto& node : (*scope)->node()) {
        if (node.op_type() == "Constant" && node.output(0) == name && node.attribute(0).has_t()) {
          return &node.attribute(0).t();
        }
      }
    }
    return nullptr;
  }

  // Of a constant, and of what is one seen otherwise, such as transposed.
  [[nodiscard]] static bool IsInt8(const std::string& name, const Scopes& scopes) {
    if (const auto* const constant = FindConstant(name, scopes)) {
      return constant->data_type() == onnx::TensorProto::INT8;
    }
    for (const onnx::GraphProto* const scope : scopes) {
      for (const onnx::NodeProto& node : scope->node()) {
        const bool is_view = node.op_type() == "Transpose" || node.op_type() == "Reshape";
        if (is_view && node.output(0) == name) return IsInt8(node.input(0), scopes);
      }
    }
    return false;
  }

  // The same as uint8, and 128 more; of no name, 128.
  [[nodiscard]] std::string AddShifted(const std::string& name, onnx::GraphProto& graph,
                                       const Scopes& scopes) {
    const onnx::TensorProto* const constant = FindConstant(name, scopes);
    if (constant == nullptr && !name.empty()) return AddShiftOfValue(name, graph);
    onnx::TensorProto& shifted = *graph.add_initializer();
    shifted.set_name(NewName());
    shifted.set_data_type(onnx::TensorProto::UINT8);
    std::string bytes(1, '\0');
    if (constant != nullptr) {
      *shifted.mutable_dims() = constant->dims();
      bytes = BytesOf(*constant, folder_);
    }
    for (char& byte : bytes) byte = static_cast<char>(byte ^ '\x80');
    shifted.set_raw_data(std::move(bytes));
    return shifted.name();
  }

  [[nodiscard]] std::string AddShiftOfValue(const std::string& name, onnx::GraphProto& graph) {
    onnx::TensorProto& number = *graph.add_initializer();
    number.set_name(NewName());
    number.set_data_type(onnx::TensorProto::INT32);
    number.add_int32_data(128);
    const std::string wide = AddNode(graph, "Cast", {name}, onnx::TensorProto::INT32);
    const std::string shifted = AddNode(graph, "Add", {wide, number.name()});
    return AddNode(graph, "Cast", {shifted}, onnx::TensorProto::UINT8);
  }

  [[nodiscard]] std::string AddNode(onnx::GraphProto& graph, const std::string& op_type,
                                    const std::vector<std::string>& inputs,
                                    std::optional<int> type = std::nullopt) {
    onnx::NodeProto& node = *graph.add_node();
    node.set_op_type(op_type);
    for (const std::string& input : inputs) node.add_input(input);
    node.add_output(NewName());
    if (type) SetInt(node, "to", *type);
    return node.output(0);
  }

  [[nodiscard]] std::string NewName() { return "exact_product_" + std::to_string(++names_); }

  std::filesystem::path folder_;
  int names_ = 0;
  int rewritten_ = 0;
};

}  // namespace

std::optional<std::filesystem::path> WriteWithUint8Products(const std::filesystem::path& model) {
  onnx::ModelProto proto = ParseModel(model);
  Rewriter rewriter(model.parent_path());
  rewriter.Rewrite(*proto.mutable_graph());
  if (rewriter.rewritten() == 0) return std::nullopt;
  std::filesystem::path path = model;
  path += ".exact.onnx";
  std::ofstream file(path, std::ios::binary);
  proto.SerializeToOstream(&file);
  return path;
}

}  // namespace qi8::testing
