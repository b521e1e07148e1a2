// The one place that changes a graph: Model::Apply, and what then makes a file of it.

#include <algorithm>
#include <iterator>
#include <unordered_map>
#include <unordered_set>

#include "model/model_proto.hpp"
#include "model/payload.hpp"

namespace qi8 {
namespace {

// `replaced` is the node that the new one stands for.
void Fill(onnx::NodeProto& proto, const NewNode& node, const onnx::NodeProto& replaced) {
  if (node.inherits.attributes) {
    proto = replaced;
    proto.clear_input();
    proto.clear_output();
    RemoveIf(*proto.mutable_attribute(), [&node](const auto& attribute) {
      return std::ranges::find(node.inherits.without, attribute.name()) != node.inherits.without.end();
    });
  }
  proto.set_op_type(node.op_type);
  proto.set_name(node.name);
  proto.clear_domain();
  if (!node.domain.empty()) proto.set_domain(node.domain);
  for (const auto& input : node.inputs) proto.add_input(input);
  for (const auto& output : node.outputs) proto.add_output(output);
  for (const auto& attribute : node.attributes) {
    auto& into = *proto.add_attribute();
    into.set_name(attribute.name);
    if (const auto* number = std::get_if<std::int64_t>(&attribute.value)) {
      into.set_type(onnx::AttributeProto::INT);
      into.set_i(*number);
    } else if (const auto* real = std::get_if<float>(&attribute.value)) {
      into.set_type(onnx::AttributeProto::FLOAT);
      into.set_f(*real);
    } else if (const auto* floats = std::get_if<FloatTensor>(&attribute.value)) {
      into.set_type(onnx::AttributeProto::TENSOR);
      into.mutable_t()->set_data_type(onnx::TensorProto::FLOAT);
      for (const auto dim : floats->dims) into.mutable_t()->add_dims(dim);
      for (const auto value : floats->values) into.mutable_t()->add_float_data(value);
    } else if (const auto* integers = std::get_if<Int64Tensor>(&attribute.value)) {
      into.set_type(onnx::AttributeProto::TENSOR);
      into.mutable_t()->set_data_type(onnx::TensorProto::INT64);
      for (const auto dim : integers->dims) into.mutable_t()->add_dims(dim);
      for (const auto value : integers->values) into.mutable_t()->add_int64_data(value);
    } else {
      into.set_type(onnx::AttributeProto::INTS);
      for (const auto item : std::get<std::vector<std::int64_t>>(attribute.value)) into.add_ints(item);
    }
  }
}

// Lets the tensor stand in a file.
void SetExternal(onnx::TensorProto& tensor, const std::string& location, const ExternalPlace& place) {
  ClearPayload(tensor);
  tensor.set_data_location(onnx::TensorProto::EXTERNAL);
  const auto add = [&tensor](const char* key, const std::string& value) {
    auto& entry = *tensor.add_external_data();
    entry.set_key(key);
    entry.set_value(value);
  };
  add("location", location);
  add("offset", std::to_string(place.offset));
  add("length", std::to_string(place.length));
}

// Says that the graph takes or gives these.
void Declare(google::protobuf::RepeatedPtrField<onnx::ValueInfoProto>& declared,
             const std::vector<NewGraphValue>& values) {
  for (const NewGraphValue& value : values) {
    auto& info = *declared.Add();
    info.set_name(value.name);
    if (value.type == DataType::kUndefined) continue;
    info.mutable_type()->mutable_tensor_type()->set_elem_type(static_cast<std::int32_t>(value.type));
  }
}

}  // namespace

void Model::Apply(const Rewrite& rewrite) {
  std::unordered_map<const onnx::NodeProto*, const Replacement*> replacements;
  std::unordered_set<const onnx::GraphProto*> touched;
  for (const Replacement& replacement : rewrite.replacements) {
    replacements[proto_->nodes.at(replacement.node)] = &replacement;
    touched.insert(proto_->graphs.at(nodes_[replacement.node].graph));
  }

  std::unordered_map<const onnx::GraphProto*, std::unordered_set<std::string>> removed_names;
  for (const ValueId id : rewrite.removed_initializers) {
    const Value& value = values_.at(id);
    touched.insert(proto_->graphs.at(value.graph));
    removed_names[proto_->graphs.at(value.graph)].emplace(value.name);
  }

  // Kept until all graphs are done: a node may hold one of them.
  std::vector<std::unique_ptr<onnx::NodeProto>> replaced;
  for (onnx::GraphProto* graph : proto_->graphs) {
    if (!touched.contains(graph)) continue;
    auto& nodes = *graph->mutable_node();
    std::vector<onnx::NodeProto*> old_nodes(static_cast<std::size_t>(nodes.size()));
    nodes.ExtractSubrange(0, nodes.size(), old_nodes.data());
    for (onnx::NodeProto* node : old_nodes) {
      const auto found = replacements.find(node);
      if (found == replacements.end()) {
        nodes.AddAllocated(node);
        continue;
      }
      for (const NewNode& fresh : found->second->nodes) Fill(*nodes.Add(), fresh, *node);
      if (found->second->nodes.empty()) {
        removed_names[graph].insert(node->output().begin(), node->output().end());
      }
      replaced.emplace_back(node);
    }
    const auto& names = removed_names[graph];
    const auto is_removed = [&names](const auto& named) { return names.contains(named.name()); };
    RemoveIf(*graph->mutable_initializer(), is_removed);
    RemoveIf(*graph->mutable_input(), is_removed);
    RemoveIf(*graph->mutable_value_info(), is_removed);
  }

  onnx::GraphProto& main = *proto_->graphs.front();
  if (rewrite.drops_outputs) main.clear_output();
  Declare(*main.mutable_output(), rewrite.added_outputs);
  Declare(*main.mutable_input(), rewrite.added_inputs);

  for (const OpsetImport& import : rewrite.opset_imports) {
    auto& added = *proto_->model.add_opset_import();
    added.set_domain(import.domain);
    added.set_version(import.version);
  }
  const bool list_as_inputs = proto_->model.ir_version() < kFirstIrWithConstantInitializers;
  for (std::size_t i = 0; i < rewrite.new_tensors.size(); ++i) {
    const NewTensor& tensor = rewrite.new_tensors[i];
    auto& proto = *proto_->graphs.at(tensor.graph)->add_initializer();
    proto.set_name(tensor.name);
    proto.set_data_type(static_cast<std::int32_t>(tensor.type));
    for (const auto dim : tensor.dims) proto.add_dims(dim);
    SetPayload(proto, {tensors_.size() + i, tensor.bytes});
    if (list_as_inputs && tensor.graph == 0) {
      auto& input = *proto_->graphs.front()->add_input();
      input.set_name(tensor.name);
      auto& type = *input.mutable_type()->mutable_tensor_type();
      type.set_elem_type(static_cast<std::int32_t>(tensor.type));
      for (const auto dim : tensor.dims) type.mutable_shape()->add_dim()->set_dim_value(dim);
    }
  }

  nodes_.clear();
  values_.clear();
  graphs_.clear();
  proto_->nodes.clear();
  proto_->graphs.clear();
  proto_->tensors.clear();
  proto_->small_constants.clear();
  proto_->integer_attributes.clear();
}

void Model::ForEachOutputTensor(const std::function<void(std::uint32_t, std::uint64_t)>& visit) const {
  ForEachTensor(proto_->model, [&visit](onnx::TensorProto& tensor) {
    if (const auto payload = GetPayload(tensor)) {
      visit(static_cast<std::uint32_t>(payload->first), payload->second);
    }
  });
}

void Model::Place(std::span<const std::optional<ExternalPlace>> places, const std::string& data_location) {
  ForEachTensor(proto_->model, [&](onnx::TensorProto& tensor) {
    const auto payload = GetPayload(tensor);
    if (!payload) return;
    const auto& place = places[payload->first];
    if (payload->second == 0) {
      ClearPayload(tensor);
      tensor.set_raw_data("");
    } else if (place) {
      SetExternal(tensor, data_location, *place);
    }
  });
}

void Model::PlaceAsTheyWere() {
  ForEachTensor(proto_->model, [&](onnx::TensorProto& tensor) {
    const auto payload = GetPayload(tensor);
    if (!payload || payload->first >= tensors_.size()) return;
    const TensorSource& source = tensors_[payload->first].source;
    const InputFile& file = files_.at(source.file);
    if (source.file == 0 || file.in_memory || payload->second == 0) return;
    SetExternal(tensor, file.location, {source.range.offset, payload->second});
  });
}

std::vector<MetadataEntry> Model::Metadata() const {
  std::vector<MetadataEntry> entries;
  for (const auto& property : proto_->model.metadata_props()) {
    entries.push_back({property.key(), property.value()});
  }
  return entries;
}

void Model::RemoveMetadata(std::string_view key_prefix) {
  RemoveIf(*proto_->model.mutable_metadata_props(),
           [key_prefix](const auto& property) { return property.key().starts_with(key_prefix); });
}

ModelImage Model::Render(std::span<const MetadataEntry> metadata) {
  auto& properties = *proto_->model.mutable_metadata_props();
  for (const MetadataEntry& entry : metadata) {
    RemoveIf(properties, [&entry](const auto& property) { return property.key() == entry.key; });
    auto& property = *properties.Add();
    property.set_key(entry.key);
    property.set_value(entry.value);
  }
  SplicedModel spliced = SplicePayloads(proto_->model);
  ModelImage image;
  image.text = std::move(spliced.text);
  image.size = spliced.size;
  for (const auto& slot : spliced.slots) {
    image.slots.push_back({.offset = slot.offset,
                           .length = slot.length,
                           .tensor = static_cast<std::uint32_t>(slot.payload),
                           .text_position = slot.at});
  }
  return image;
}

}  // namespace qi8
