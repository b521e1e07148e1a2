// Puts an Edit together node by node.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "edit/edit.hpp"
#include "model/model.hpp"

namespace qi8 {

// The parts of a weight in an edit.
struct WeightOperands {
  Operand data, scale;
  std::optional<Operand> zero_point;  // nothing: all are 0
  std::optional<Operand> sums;        // where they were asked for
  bool has_one_scale = false;         // a scalar, for all of the weight
};

// The outputs of a DynamicQuantizeLinear.
struct QuantizedActivation {
  Operand data, scale, zero_point;
};

class EditBuilder {
 public:
  // `opset` is the version of ai.onnx that the model imports.
  explicit EditBuilder(std::int64_t opset) : opset_(opset) {}

  [[nodiscard]] std::int64_t opset() const { return opset_; }

  WeightOperands QuantizeWeight(WeightRequest request);

  Operand Add(std::string op_type, std::vector<Operand> inputs, std::vector<NewAttribute> attributes = {});

  // The same of an operator of com.microsoft.
  Operand AddMicrosoft(std::string op_type, std::vector<Operand> inputs,
                       std::vector<NewAttribute> attributes = {});

  // A node that other edits of the graph may share. ResultOperand::output chooses among its outputs.
  ResultOperand AddShared(std::string op_type, std::vector<Operand> inputs, SharedNames names,
                          std::vector<NewAttribute> attributes = {});

  // A float32 scalar, in a form that every opset has.
  Operand AddConstant(float value);

  Operand AddConstant(Int64Tensor value);

  // Zeros of int8.
  Operand AddZeros(std::vector<std::int64_t> dims);

  // To that type; the operand itself where it has it already.
  Operand AddCast(Operand value, DataType from, DataType to);

  // What codes stand for, in float32: (codes - zero_point) * scale, in operators that every opset from 7 on
  // has.
  Operand AddDequantized(Operand codes, const std::optional<Operand>& zero_point, const Operand& scale);

  // A node with the attributes of the replaced one.
  Operand AddInherited(std::string op_type, std::vector<Operand> inputs);

  // The node that is replaced, computing with these inputs. The last node of the edit.
  void AddTheNodeItself(const Node& node, std::vector<Operand> inputs);

  // An operator of com.microsoft with the attributes and all the outputs of the replaced node. The last node
  // of the edit.
  void AddMicrosoftForm(std::string op_type, std::vector<Operand> inputs,
                        std::vector<std::string> without_attributes = {});

  // The activation in float32, shared: `x` itself, or behind a Cast where `type` is another.
  Operand AddFloat(Operand x, DataType type);

  // The activation quantized when the model runs, with one scale for the whole tensor.
  QuantizedActivation QuantizeActivation(const Operand& x, DataType type);

  // A float32 scalar that all edits of a graph share.
  Operand AddSharedConstant(float value);

  // A uint8 scalar that all edits of a graph share.
  Operand AddSharedUint8(std::uint8_t value);

  // Says in which form the product is, and why not in the one that was asked for where it is another.
  void SetForm(FormOutcome form) { edit_.form = std::move(form); }

  [[nodiscard]] Edit Take() { return std::move(edit_); }

 private:
  std::int64_t opset_;
  Edit edit_;
};

}  // namespace qi8
