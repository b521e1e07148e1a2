#include "model/element_types.hpp"

#include <algorithm>
#include <array>

namespace qi8 {
namespace {

// Operators of ai.onnx all of whose outputs have elements of the type of their first input.
constexpr auto kKeepType = std::to_array<std::string_view>({"Abs",
                                                            "Add",
                                                            "AveragePool",
                                                            "BatchNormalization",
                                                            "Clip",
                                                            "Concat",
                                                            "Conv",
                                                            "ConvTranspose",
                                                            "CumSum",
                                                            "DepthToSpace",
                                                            "Div",
                                                            "Einsum",
                                                            "Elu",
                                                            "Erf",
                                                            "Exp",
                                                            "Expand",
                                                            "Flatten",
                                                            "Gather",
                                                            "GatherElements",
                                                            "GatherND",
                                                            "Gelu",
                                                            "Gemm",
                                                            "GlobalAveragePool",
                                                            "GRU",
                                                            "GroupNormalization",
                                                            "HardSigmoid",
                                                            "HardSwish",
                                                            "Identity",
                                                            "InstanceNormalization",
                                                            "LayerNormalization",
                                                            "LeakyRelu",
                                                            "Log",
                                                            "LogSoftmax",
                                                            "LpNormalization",
                                                            "LSTM",
                                                            "MatMul",
                                                            "Mul",
                                                            "Neg",
                                                            "Pad",
                                                            "Pow",
                                                            "PRelu",
                                                            "Reciprocal",
                                                            "ReduceMax",
                                                            "ReduceMean",
                                                            "ReduceMin",
                                                            "ReduceSum",
                                                            "Relu",
                                                            "Reshape",
                                                            "Resize",
                                                            "RNN",
                                                            "Sigmoid",
                                                            "Slice",
                                                            "Softmax",
                                                            "Softplus",
                                                            "SpaceToDepth",
                                                            "Split",
                                                            "Sqrt",
                                                            "Squeeze",
                                                            "Sub",
                                                            "Sum",
                                                            "Tanh",
                                                            "Tile",
                                                            "Transpose",
                                                            "Trilu",
                                                            "Unsqueeze"});

DataType TypeOfOutputs(const Model& model, const Node& node, const std::vector<DataType>& types) {
  if (!node.domain.empty()) return DataType::kUndefined;
  if (node.op_type == "Cast") return static_cast<DataType>(model.IntAttribute(node, "to", 0));
  const bool keeps = std::ranges::find(kKeepType, node.op_type) != kKeepType.end();
  const std::size_t input = node.op_type == "Where" ? 1 : 0;
  if (!keeps && input == 0) return DataType::kUndefined;
  const bool has_input = input < node.input_values.size() && node.input_values[input] != kNone;
  return has_input ? types[node.input_values[input]] : DataType::kUndefined;
}

}  // namespace

std::vector<DataType> InferElementTypes(const Model& model) {
  std::vector<DataType> types;
  types.reserve(model.values().size());
  std::vector<std::vector<ValueId>> outputs(model.nodes().size());
  for (ValueId id = 0; id < model.values().size(); ++id) {
    const Value& value = model.values()[id];
    types.push_back(value.declared_type);
    if (value.producer != kNone) outputs[value.producer].push_back(id);
  }
  for (NodeId id = 0; id < model.nodes().size(); ++id) {
    const DataType type = TypeOfOutputs(model, model.nodes()[id], types);
    for (const ValueId output : outputs[id]) {
      if (types[output] == DataType::kUndefined) types[output] = type;
    }
  }
  return types;
}

}  // namespace qi8
