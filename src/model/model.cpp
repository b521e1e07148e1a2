#include "model/model.hpp"

#include <google/protobuf/stubs/common.h>

#include <algorithm>
#include <cstring>

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
std::optional<std::vector<std::int64_t>> IntegersOf(const std::string& raw) {
  std::vector<Number> numbers(raw.size() / sizeof(Number));
  if (numbers.size() * sizeof(Number) != raw.size()) return std::nullopt;
  if (!raw.empty()) std::memcpy(numbers.data(), raw.data(), raw.size());
  return std::vector<std::int64_t>(numbers.begin(), numbers.end());
}

std::optional<std::vector<std::int64_t>> IntegersOf(const onnx::TensorProto& tensor) {
  const bool raw = tensor.has_raw_data();
  switch (tensor.data_type()) {
    case onnx::TensorProto::INT64:
      if (raw) return IntegersOf<std::int64_t>(tensor.raw_data());
      return std::vector<std::int64_t>(tensor.int64_data().begin(), tensor.int64_data().end());
    case onnx::TensorProto::INT32:
      if (raw) return IntegersOf<std::int32_t>(tensor.raw_data());
      return std::vector<std::int64_t>(tensor.int32_data().begin(), tensor.int32_data().end());
    default:
      return std::nullopt;
  }
}

}  // namespace

Model::Model() : proto_(std::make_unique<Proto>()) {}
Model::~Model() = default;
Model::Model(Model&&) noexcept = default;

std::int64_t Model::onnx_opset() const {
  const auto found =
      std::ranges::find_if(opsets_, [](const OpsetImport& opset) { return opset.domain.empty(); });
  return found == opsets_.end() ? 0 : found->version;
}

std::int64_t Model::IntAttribute(const Node& node, std::string_view name, std::int64_t otherwise) const {
  const auto id = static_cast<std::size_t>(&node - nodes_.data());
  const auto* attribute = FindAttribute(*proto_->nodes.at(id), name);
  return attribute != nullptr && attribute->has_i() ? attribute->i() : otherwise;
}

float Model::FloatAttribute(const Node& node, std::string_view name, float otherwise) const {
  const auto id = static_cast<std::size_t>(&node - nodes_.data());
  const auto* attribute = FindAttribute(*proto_->nodes.at(id), name);
  return attribute != nullptr && attribute->has_f() ? attribute->f() : otherwise;
}

std::vector<std::int64_t> Model::IntsAttribute(const Node& node, std::string_view name) const {
  const auto id = static_cast<std::size_t>(&node - nodes_.data());
  const auto* attribute = FindAttribute(*proto_->nodes.at(id), name);
  if (attribute == nullptr) return {};
  return {attribute->ints().begin(), attribute->ints().end()};
}

bool Model::HasAttribute(const Node& node, std::string_view name) const {
  const auto id = static_cast<std::size_t>(&node - nodes_.data());
  return FindAttribute(*proto_->nodes.at(id), name) != nullptr;
}

std::optional<std::vector<std::int64_t>> Model::IntegerConstant(ValueId value) const {
  if (const auto found = proto_->integer_attributes.find(value); found != proto_->integer_attributes.end()) {
    const onnx::AttributeProto& attribute = *found->second;
    if (attribute.name() == "value_int") return std::vector<std::int64_t>{attribute.i()};
    return std::vector<std::int64_t>(attribute.ints().begin(), attribute.ints().end());
  }
  const auto found = proto_->small_constants.find(value);
  if (found == proto_->small_constants.end()) return std::nullopt;
  return IntegersOf(*found->second);
}

std::vector<std::string_view> Model::AllNames() const {
  std::vector<std::string_view> names;
  names.reserve(values_.size() + nodes_.size());
  for (const Value& value : values_) names.push_back(value.name);
  for (const Node& node : nodes_) {
    names.push_back(node.name);
    names.insert(names.end(), node.inputs.begin(), node.inputs.end());
  }
  return names;
}

std::string OnnxVersion() { return onnx::LAST_RELEASE_VERSION; }

std::string ProtobufVersion() { return google::protobuf::internal::VersionString(GOOGLE_PROTOBUF_VERSION); }

}  // namespace qi8
