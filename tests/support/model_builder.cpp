#include "support/model_builder.hpp"

#include <cmath>
#include <cstring>
#include <fstream>
#include <random>
#include <stdexcept>

#include "core/text.hpp"
#include "model/tensor.hpp"
#include "support/temp_folder.hpp"

namespace qi8::testing {
namespace {

void SetType(onnx::ValueInfoProto& info, const std::string& name, const Dims& dims, std::int32_t type) {
  info.set_name(name);
  auto& tensor = *info.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(type);
  auto& shape = *tensor.mutable_shape();
  for (std::size_t i = 0; i < dims.size(); ++i) {
    auto& dim = *shape.add_dim();
    if (dims[i] < 0) {
      dim.set_dim_param(name + "_" + std::to_string(i));
    } else {
      dim.set_dim_value(dims[i]);
    }
  }
}

[[nodiscard]] std::string Bytes(std::span<const float> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

[[nodiscard]] std::string TypeAndShape(const onnx::TensorProto& tensor) {
  const std::vector<std::int64_t> dims(tensor.dims().begin(), tensor.dims().end());
  return DataTypeName(static_cast<DataType>(tensor.data_type())) + FormatShape(dims);
}

[[nodiscard]] std::string AttributeText(const onnx::AttributeProto& attribute) {
  std::string text = attribute.name() + "=";
  switch (attribute.type()) {
    case onnx::AttributeProto::INT:
      return text + std::to_string(attribute.i());
    case onnx::AttributeProto::FLOAT:
      return text + std::to_string(attribute.f());
    case onnx::AttributeProto::STRING:
      return text + attribute.s();
    case onnx::AttributeProto::INTS:
      return text + FormatShape({attribute.ints().data(), static_cast<std::size_t>(attribute.ints_size())});
    case onnx::AttributeProto::TENSOR:
      return text + TypeAndShape(attribute.t());
    default:
      return text + "...";
  }
}

void Dump(const onnx::GraphProto& graph, const std::string& indent, std::string& text) {
  for (const auto& input : graph.input()) text += indent + "input " + input.name() + "\n";
  for (const auto& tensor : graph.initializer()) {
    text += indent + "initializer " + tensor.name() + " " + TypeAndShape(tensor);
    for (const auto& entry : tensor.external_data()) text += " " + entry.key() + "=" + entry.value();
    text += "\n";
  }
  for (const auto& node : graph.node()) {
    text += indent + "node '" + node.name() + "' ";
    for (int i = 0; i < node.output_size(); ++i) text += (i > 0 ? ", " : "") + node.output(i);
    text += " = " + (node.domain().empty() ? "" : node.domain() + ".") + node.op_type() + "(";
    for (int i = 0; i < node.input_size(); ++i) text += (i > 0 ? ", " : "") + node.input(i);
    text += ")";
    for (const auto& attribute : node.attribute()) {
      if (!attribute.has_g()) text += " " + AttributeText(attribute);
    }
    text += "\n";
    for (const auto& attribute : node.attribute()) {
      if (!attribute.has_g()) continue;
      text += indent + "  " + attribute.name() + ":\n";
      Dump(attribute.g(), indent + "    ", text);
    }
  }
  for (const auto& output : graph.output()) text += indent + "output " + output.name() + "\n";
}

}  // namespace

ModelBuilder::ModelBuilder(std::int64_t opset, std::int64_t ir_version) {
  model_.set_ir_version(ir_version);
  model_.set_producer_name("qi8-tests");
  auto& import = *model_.add_opset_import();
  import.set_domain("");
  import.set_version(opset);
  graph().set_name("graph");
}

ModelBuilder& ModelBuilder::Input(const std::string& name, const Dims& dims, std::int32_t type) {
  SetType(*graph().add_input(), name, dims, type);
  return *this;
}

ModelBuilder& ModelBuilder::Output(const std::string& name, const Dims& dims, std::int32_t type) {
  SetType(*graph().add_output(), name, dims, type);
  return *this;
}

ModelBuilder& ModelBuilder::Initializer(const std::string& name, const Dims& dims,
                                        std::span<const float> values, Storage storage) {
  auto& tensor = *graph().add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  for (const auto dim : dims) tensor.add_dims(dim);
  switch (storage) {
    case Storage::kRawData:
      tensor.set_raw_data(Bytes(values));
      break;
    case Storage::kFloatData:
      for (const float value : values) tensor.add_float_data(value);
      break;
    case Storage::kUnpackedFloatData:
      // The wire format of numbers that were not packed: protobuf writes an unknown field as it is told.
      for (const float value : values) {
        std::uint32_t bits = 0;
        std::memcpy(&bits, &value, sizeof(bits));
        tensor.GetReflection()->MutableUnknownFields(&tensor)->AddFixed32(
            onnx::TensorProto::kFloatDataFieldNumber, bits);
      }
      break;
    case Storage::kExternal: {
      tensor.set_data_location(onnx::TensorProto::EXTERNAL);
      const auto add = [&tensor](const char* key, const std::string& value) {
        auto& entry = *tensor.add_external_data();
        entry.set_key(key);
        entry.set_value(value);
      };
      add("location", "");  // known when the model is saved
      add("offset", std::to_string(external_.size()));
      add("length", std::to_string(values.size_bytes()));
      external_ += Bytes(values);
      break;
    }
  }
  return *this;
}

ModelBuilder& ModelBuilder::Int64Initializer(const std::string& name, const Dims& dims,
                                             const std::vector<std::int64_t>& values) {
  auto& tensor = *graph().add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(onnx::TensorProto::INT64);
  for (const auto dim : dims) tensor.add_dims(dim);
  tensor.set_raw_data(
      std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(std::int64_t)));
  return *this;
}

ModelBuilder& ModelBuilder::Import(const std::string& domain, std::int64_t version) {
  auto& import = *model_.add_opset_import();
  import.set_domain(domain);
  import.set_version(version);
  return *this;
}

onnx::NodeProto& ModelBuilder::Node(const std::string& op_type, const std::vector<std::string>& inputs,
                                    const std::vector<std::string>& outputs, const std::string& name) {
  auto& node = *graph().add_node();
  node.set_op_type(op_type);
  node.set_name(name);
  for (const auto& input : inputs) node.add_input(input);
  for (const auto& output : outputs) node.add_output(output);
  return node;
}

void ModelBuilder::Save(const std::filesystem::path& path) {
  const std::string location = path.filename().native() + ".data";
  for (auto& tensor : *graph().mutable_initializer()) {
    for (auto& entry : *tensor.mutable_external_data()) {
      if (entry.key() == "location" && entry.value().empty()) entry.set_value(location);
    }
  }
  WriteFile(path, model_.SerializeAsString());
  if (!external_.empty()) WriteFile(path.parent_path() / location, external_);
}

void SetInt(onnx::NodeProto& node, const std::string& name, std::int64_t value) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::INT);
  attribute.set_i(value);
}

void SetInts(onnx::NodeProto& node, const std::string& name, const std::vector<std::int64_t>& values) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::INTS);
  for (const auto value : values) attribute.add_ints(value);
}

void SetString(onnx::NodeProto& node, const std::string& name, const std::string& value) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::STRING);
  attribute.set_s(value);
}

void SetFloat(onnx::NodeProto& node, const std::string& name, float value) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::FLOAT);
  attribute.set_f(value);
}

void SetTensor(onnx::NodeProto& node, const std::string& name, const Dims& dims,
               std::span<const float> values) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::TENSOR);
  auto& tensor = *attribute.mutable_t();
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  for (const auto dim : dims) tensor.add_dims(dim);
  tensor.set_raw_data(Bytes(values));
}

onnx::GraphProto& SetGraph(onnx::NodeProto& node, const std::string& name) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::GRAPH);
  attribute.mutable_g()->set_name(name);
  return *attribute.mutable_g();
}

std::vector<float> RandomValues(std::size_t count, std::uint32_t seed, float scale) {
  // The distributions of the standard library differ between libraries; its generators do not.
  std::mt19937 generator(seed);
  std::vector<float> values(count);
  for (float& value : values) {
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += static_cast<double>(generator()) / 4294967296.0;
    value = static_cast<float>(sum) * scale;
  }
  return values;
}

onnx::ModelProto ParseModel(const std::filesystem::path& path) {
  onnx::ModelProto model;
  if (!model.ParseFromString(ReadFile(path))) throw std::runtime_error("cannot parse " + path.native());
  return model;
}

std::string DumpGraph(const onnx::ModelProto& model) {
  std::string text = "ir_version " + std::to_string(model.ir_version()) + "\n";
  for (const auto& import : model.opset_import()) {
    text += "opset " + (import.domain().empty() ? "ai.onnx" : import.domain()) + " " +
            std::to_string(import.version()) + "\n";
  }
  Dump(model.graph(), "", text);
  return text;
}

}  // namespace qi8::testing
