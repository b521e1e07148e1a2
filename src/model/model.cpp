#include "model/model.hpp"

#include <google/protobuf/stubs/common.h>

#include <algorithm>
#include <cstring>
#include <unordered_set>

#include "core/checked.hpp"
#include "model/model_proto.hpp"

// Needs ONNX_NAMESPACE, which proto.hpp defines.
#include <onnx/common/version.h>

namespace qi8 {
namespace {

const onnx::AttributeProto* FindAttribute(const onnx::NodeProto& node, std::string_view name) {
  for (const auto& attribute : node.attribute()) {
    if (attribute.name() == name) return &attribute;
  }
  return nullptr;
}

template <typename Number>
std::optional<std::vector<std::int64_t>> IntegersOf(const google::protobuf::RepeatedField<Number>& numbers) {
  if (static_cast<std::size_t>(numbers.size()) > Model::kMostIntegers) return std::nullopt;
  return std::vector<std::int64_t>(numbers.begin(), numbers.end());
}

template <typename Number>
std::optional<std::vector<std::int64_t>> IntegersOf(const std::string& raw) {
  const std::size_t count = raw.size() / sizeof(Number);
  if (count * sizeof(Number) != raw.size() || count > Model::kMostIntegers) return std::nullopt;
  std::vector<Number> numbers(count);
  if (!raw.empty()) std::memcpy(numbers.data(), raw.data(), raw.size());
  return std::vector<std::int64_t>(numbers.begin(), numbers.end());
}

std::optional<std::vector<std::int64_t>> IntegersOf(const onnx::TensorProto& tensor) {
  const bool raw = tensor.has_raw_data();
  switch (tensor.data_type()) {
    case onnx::TensorProto::INT64:
      if (raw) return IntegersOf<std::int64_t>(tensor.raw_data());
      return IntegersOf(tensor.int64_data());
    case onnx::TensorProto::INT32:
      if (raw) return IntegersOf<std::int32_t>(tensor.raw_data());
      return IntegersOf(tensor.int32_data());
    default:
      return std::nullopt;
  }
}

ValueDeclaration DeclarationOf(const onnx::ValueInfoProto& info) {
  const auto& tensor = info.type().tensor_type();
  ValueDeclaration declaration{
      .name = info.name(), .type = static_cast<DataType>(tensor.elem_type()), .dims = std::nullopt};
  if (!tensor.has_shape()) return declaration;
  declaration.dims.emplace();
  for (const auto& dim : tensor.shape().dim()) {
    declaration.dims->push_back(dim.has_dim_value()       ? std::to_string(dim.dim_value())
                                : dim.dim_param().empty() ? "?"
                                                          : dim.dim_param());
  }
  return declaration;
}

// Whether the numbers in the tensor are as many as its shape says.
bool IsWhole(const onnx::TensorProto& tensor, DataType type, const std::vector<std::int64_t>& dims) {
  const auto elements = ElementCount(dims);
  if (!elements) return false;
  if (tensor.has_raw_data()) {
    const auto bytes = StoredBytes(type, *elements);
    return !bytes || *bytes == tensor.raw_data().size();
  }
  const int numbers = tensor.float_data_size() + tensor.double_data_size() + tensor.int32_data_size() +
                      tensor.int64_data_size() + tensor.uint64_data_size() + tensor.string_data_size();
  const bool packed = type == DataType::kInt4 || type == DataType::kUint4 || type == DataType::kFloat4E2M1;
  const bool complex = type == DataType::kComplex64 || type == DataType::kComplex128;
  const std::uint64_t expected = packed ? DivideUp(*elements, 2) : complex ? 2 * *elements : *elements;
  return expected == static_cast<std::uint64_t>(numbers);
}

}  // namespace

Model::Model() : proto_(std::make_unique<Proto>()) {}
Model::~Model() = default;
Model::Model(Model&&) noexcept = default;

ModelHeader Model::Header() const {
  const onnx::ModelProto& model = proto_->model;
  ModelHeader header{.ir_version = model.ir_version(),
                     .producer_name = model.producer_name(),
                     .producer_version = model.producer_version(),
                     .domain = model.domain(),
                     .model_version = model.model_version(),
                     .doc_string = model.doc_string(),
                     .graph_name = model.graph().name(),
                     .inputs = {},
                     .outputs = {},
                     .constant_inputs = 0,
                     .functions = static_cast<std::size_t>(model.functions_size())};
  std::unordered_set<std::string_view> defaults;
  for (const auto& initializer : model.graph().initializer()) defaults.insert(initializer.name());
  for (const auto& input : model.graph().input()) {
    if (!defaults.contains(input.name())) {
      header.inputs.push_back(DeclarationOf(input));
    } else if (model.ir_version() < kFirstIrWithConstantInitializers) {
      ++header.constant_inputs;
    }
  }
  for (const auto& output : model.graph().output()) header.outputs.push_back(DeclarationOf(output));
  return header;
}

std::int64_t Model::onnx_opset() const {
  const auto found =
      std::ranges::find_if(opsets_, [](const OpsetImport& opset) { return opset.domain.empty(); });
  return found == opsets_.end() ? 0 : found->version;
}

std::int64_t Model::IntAttribute(const Node& node, std::string_view name, std::int64_t otherwise) const {
  const auto* attribute = FindAttribute(*proto_->nodes.at(node.id), name);
  return attribute != nullptr && attribute->has_i() ? attribute->i() : otherwise;
}

float Model::FloatAttribute(const Node& node, std::string_view name, float otherwise) const {
  const auto* attribute = FindAttribute(*proto_->nodes.at(node.id), name);
  return attribute != nullptr && attribute->has_f() ? attribute->f() : otherwise;
}

std::string Model::TextAttribute(const Node& node, std::string_view name) const {
  const auto* attribute = FindAttribute(*proto_->nodes.at(node.id), name);
  return attribute != nullptr && attribute->has_s() ? attribute->s() : "";
}

std::vector<std::int64_t> Model::IntsAttribute(const Node& node, std::string_view name) const {
  const auto* attribute = FindAttribute(*proto_->nodes.at(node.id), name);
  if (attribute == nullptr) return {};
  return {attribute->ints().begin(), attribute->ints().end()};
}

bool Model::HasAttribute(const Node& node, std::string_view name) const {
  return FindAttribute(*proto_->nodes.at(node.id), name) != nullptr;
}

std::optional<std::vector<std::int64_t>> Model::IntegerConstant(ValueId value) const {
  if (const auto found = proto_->integer_attributes.find(value); found != proto_->integer_attributes.end()) {
    const onnx::AttributeProto& attribute = *found->second;
    if (attribute.name() == "value_int") return std::vector<std::int64_t>{attribute.i()};
    return IntegersOf(attribute.ints());
  }
  const auto found = proto_->small_constants.find(value);
  if (found == proto_->small_constants.end()) return std::nullopt;
  return IntegersOf(*found->second);
}

std::optional<ConstantInfo> Model::Constant(ValueId value) const {
  if (const auto integers = IntegerConstant(value); integers && proto_->integer_attributes.contains(value)) {
    const bool is_scalar = proto_->integer_attributes.at(value)->name() == "value_int";
    ConstantInfo info{.type = DataType::kInt64, .dims = {}, .is_whole = true};
    if (!is_scalar) info.dims = {static_cast<std::int64_t>(integers->size())};
    return info;
  }
  if (const TensorId id = values_.at(value).tensor; id != kNone) {  // the loader checked its length
    return ConstantInfo{.type = tensors_[id].type, .dims = tensors_[id].dims, .is_whole = true};
  }
  const auto found = proto_->small_constants.find(value);
  if (found == proto_->small_constants.end()) return std::nullopt;
  const onnx::TensorProto& tensor = *found->second;
  ConstantInfo info{.type = static_cast<DataType>(tensor.data_type()),
                    .dims = {tensor.dims().begin(), tensor.dims().end()},
                    .is_whole = true};
  info.is_whole = IsWhole(tensor, info.type, info.dims);
  return info;
}

std::vector<std::string_view> Model::AllNames() const {
  std::vector<std::string_view> names;
  names.reserve(values_.size() + nodes_.size());
  for (const Value& value : values_) names.push_back(value.name);
  for (const Node& node : nodes_) {
    names.push_back(node.name);
    names.insert(names.end(), node.inputs.begin(), node.inputs.end());
  }
  // Some models describe values that they do not have: a new one of that name would have the type that they
  // say.
  for (const onnx::GraphProto* graph : proto_->graphs) {
    for (const auto& output : graph->output()) names.push_back(output.name());
    for (const auto& info : graph->value_info()) names.push_back(info.name());
    for (const auto& annotation : graph->quantization_annotation()) names.push_back(annotation.tensor_name());
  }
  return names;
}

void Model::SetTwins(const Twins& twins) {
  for (const auto& [tensor, twin] : twins) tensors_.at(tensor).turned_of = twin;
}

std::string OnnxVersion() { return onnx::LAST_RELEASE_VERSION; }

std::string ProtobufVersion() { return google::protobuf::internal::VersionString(GOOGLE_PROTOBUF_VERSION); }

}  // namespace qi8
