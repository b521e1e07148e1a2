#include "model/payload.hpp"

#include <google/protobuf/unknown_field_set.h>

#include <array>
#include <cstring>
#include <set>

#include "model/payload_parts.hpp"

namespace qi8 {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

// Whether a message of this type can hold a TensorProto somewhere within. The types hold each other in
// circles.
bool CanHoldTensor(const Descriptor* type, std::set<const Descriptor*>& visited) {
  if (type == onnx::TensorProto::descriptor()) return true;
  if (!visited.insert(type).second) return false;
  for (int i = 0; i < type->field_count(); ++i) {
    const Descriptor* inner = type->field(i)->message_type();
    if (inner != nullptr && CanHoldTensor(inner, visited)) return true;
  }
  return false;
}

std::set<const Descriptor*> FindTensorHolders() {
  std::set<const Descriptor*> holders;
  const auto* file = onnx::ModelProto::descriptor()->file();
  for (int i = 0; i < file->message_type_count(); ++i) {
    std::set<const Descriptor*> visited;
    if (CanHoldTensor(file->message_type(i), visited)) holders.insert(file->message_type(i));
  }
  return holders;
}

}  // namespace

const Descriptor* HolderType(const FieldDescriptor* field) {
  static const std::set<const Descriptor*> holders = FindTensorHolders();
  if (field == nullptr || field->message_type() == nullptr) return nullptr;
  return holders.contains(field->message_type()) ? field->message_type() : nullptr;
}

std::optional<Payload> GetPayload(const onnx::TensorProto& tensor) {
  const auto& unknown = onnx::TensorProto::GetReflection()->GetUnknownFields(tensor);
  for (int i = 0; i < unknown.field_count(); ++i) {
    const auto& field = unknown.field(i);
    if (field.number() != kPayloadField) continue;
    std::array<std::uint64_t, 2> numbers{};
    std::memcpy(numbers.data(), field.length_delimited().data(), kPayloadBytes);
    return Payload{numbers[0], numbers[1]};
  }
  return std::nullopt;
}

void SetPayload(onnx::TensorProto& tensor, Payload payload) {
  ClearPayload(tensor);
  const std::array<std::uint64_t, 2> numbers = {payload.first, payload.second};
  onnx::TensorProto::GetReflection()->MutableUnknownFields(&tensor)->AddLengthDelimited(
      kPayloadField, std::string(reinterpret_cast<const char*>(numbers.data()), kPayloadBytes));
}

void ClearPayload(onnx::TensorProto& tensor) {
  onnx::TensorProto::GetReflection()->MutableUnknownFields(&tensor)->DeleteByNumber(kPayloadField);
}

void ForEachTensor(google::protobuf::Message& message, const std::function<void(onnx::TensorProto&)>& visit) {
  if (auto* tensor = dynamic_cast<onnx::TensorProto*>(&message)) return visit(*tensor);
  const auto* type = message.GetDescriptor();
  const auto* reflection = message.GetReflection();
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor* field = type->field(i);
    if (HolderType(field) == nullptr) continue;
    if (field->is_repeated()) {
      const int count = reflection->FieldSize(message, field);
      for (int k = 0; k < count; ++k)
        ForEachTensor(*reflection->MutableRepeatedMessage(&message, field, k), visit);
    } else if (reflection->HasField(message, field)) {
      ForEachTensor(*reflection->MutableMessage(&message, field), visit);
    }
  }
}

}  // namespace qi8
