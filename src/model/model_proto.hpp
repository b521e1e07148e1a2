// The protobuf side of Model, shared by the files that implement it.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "model/model.hpp"
#include "model/proto.hpp"

namespace qi8 {

// Until this version of the format, every initializer is a graph input too, and ONNX Runtime lets no caller
// replace one; from it on, one that is an input has a default that a caller may replace.
inline constexpr std::int64_t kFirstIrWithConstantInitializers = 4;

// Takes the messages for which `gone` holds out of the field; the others keep their order and their address.
template <typename Message, typename Predicate>
void RemoveIf(google::protobuf::RepeatedPtrField<Message>& field, Predicate gone) {
  int kept = 0;
  for (int i = 0; i < field.size(); ++i) {
    if (gone(field.Get(i))) continue;
    field.SwapElements(kept++, i);
  }
  field.DeleteSubrange(kept, field.size() - kept);
}

struct Model::Proto {
  onnx::ModelProto model;

  // By GraphId, NodeId and TensorId. The messages stay where they are while nodes are replaced around them.
  std::vector<onnx::GraphProto*> graphs;
  std::vector<onnx::NodeProto*> nodes;
  std::vector<onnx::TensorProto*> tensors;  // null: of a Constant's value_float or value_floats

  // By ValueId: the constants whose numbers stand in the graph.
  std::unordered_map<ValueId, const onnx::TensorProto*> small_constants;
  std::unordered_map<ValueId, const onnx::AttributeProto*> integer_attributes;  // value_int, value_ints
};

}  // namespace qi8
