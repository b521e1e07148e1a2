#include "model/outline.hpp"

#include "model/payload.hpp"
#include "model/proto.hpp"
#include "qi8/error.hpp"

namespace qi8 {
namespace {

std::optional<onnx::ModelProto> Parse(const ReadableFile& file) {
  std::string graph;
  try {
    graph = CutPayloads(file, file.Identity().size);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kInvalidModel) return std::nullopt;
    throw;
  }
  onnx::ModelProto model;
  const bool is_model = graph.size() <= INT32_MAX && model.ParseFromString(graph) && model.has_graph();
  return is_model ? std::optional(std::move(model)) : std::nullopt;
}

}  // namespace

std::optional<ModelOutline> ReadOutline(const ReadableFile& file) {
  auto model = Parse(file);
  if (!model) return std::nullopt;
  ModelOutline outline;
  for (const auto& property : model->metadata_props()) {
    outline.metadata.push_back({property.key(), property.value()});
  }
  ForEachTensor(*model, [&outline](const onnx::TensorProto& tensor) {
    for (const auto& entry : tensor.external_data()) {
      if (entry.key() == "location") outline.data_locations.insert(entry.value());
    }
  });
  return outline;
}

}  // namespace qi8
