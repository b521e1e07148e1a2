// The protobuf side of Model, shared by the files that implement it.
#pragma once

#include <vector>

#include "model/model.hpp"
#include "model/proto.hpp"

namespace qi8 {

struct Model::Proto {
  onnx::ModelProto model;

  // By GraphId, NodeId and TensorId. The messages stay where they are while nodes are replaced around them.
  std::vector<onnx::GraphProto*> graphs;
  std::vector<onnx::NodeProto*> nodes;
  std::vector<onnx::TensorProto*> tensors;
};

}  // namespace qi8
