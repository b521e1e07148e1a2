// Small ONNX models, put together in a few lines.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "model/proto.hpp"

namespace qi8::testing {

using Dims = std::vector<std::int64_t>;

// How the numbers of a tensor are stored.
enum class Storage { kRawData, kFloatData, kUnpackedFloatData, kExternal };

class ModelBuilder {
 public:
  explicit ModelBuilder(std::int64_t opset = 17, std::int64_t ir_version = 8);

  // Graph inputs and outputs; a dimension of -1 is free.
  ModelBuilder& Input(const std::string& name, const Dims& dims,
                      std::int32_t type = onnx::TensorProto::FLOAT);
  ModelBuilder& Output(const std::string& name, const Dims& dims,
                       std::int32_t type = onnx::TensorProto::FLOAT);

  ModelBuilder& Initializer(const std::string& name, const Dims& dims, std::span<const float> values,
                            Storage storage = Storage::kRawData);
  ModelBuilder& Int64Initializer(const std::string& name, const Dims& dims,
                                 const std::vector<std::int64_t>& values);

  ModelBuilder& Import(const std::string& domain, std::int64_t version = 1);

  // Adds a node; the returned message lives as long as the builder and may be changed further.
  onnx::NodeProto& Node(const std::string& op_type, const std::vector<std::string>& inputs,
                        const std::vector<std::string>& outputs, const std::string& name = "");

  [[nodiscard]] onnx::ModelProto& model() { return model_; }
  [[nodiscard]] onnx::GraphProto& graph() { return *model_.mutable_graph(); }

  // Writes the model, and beside it "<name>.data" where a tensor is external.
  void Save(const std::filesystem::path& path);

 private:
  onnx::ModelProto model_;
  std::string external_;  // bytes of the data file
};

// Attributes.
void SetInt(onnx::NodeProto& node, const std::string& name, std::int64_t value);
void SetInts(onnx::NodeProto& node, const std::string& name, const std::vector<std::int64_t>& values);
void SetString(onnx::NodeProto& node, const std::string& name, const std::string& value);
void SetFloat(onnx::NodeProto& node, const std::string& name, float value);
void SetTensor(onnx::NodeProto& node, const std::string& name, const Dims& dims,
               std::span<const float> values);
onnx::GraphProto& SetGraph(onnx::NodeProto& node, const std::string& name);

// Normally distributed numbers from a seed, the same on every machine.
[[nodiscard]] std::vector<float> RandomValues(std::size_t count, std::uint32_t seed = 1, float scale = 1.0F);

[[nodiscard]] onnx::ModelProto ParseModel(const std::filesystem::path& path);

// The graph as text, a line each for inputs, initializers (name, type, shape, place), nodes and outputs,
// bodies indented: for goldens and for failures. No bytes of weights.
[[nodiscard]] std::string DumpGraph(const onnx::ModelProto& model);

}  // namespace qi8::testing
