// The protobuf side of Model, shared by the files that implement it.
#pragma once

#include <unordered_map>
#include <vector>

#include "model/model.hpp"
#include "model/proto.hpp"

namespace qi8 {

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
