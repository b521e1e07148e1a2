#include "model/model.hpp"

#include <google/protobuf/stubs/common.h>

#include <algorithm>

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
