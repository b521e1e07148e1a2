// Any bytes as a model: Error, or a Model whose tables agree with each other and with the files.
#include "fuzz/model_input.hpp"
#include "model/model.hpp"
#include "qi8/error.hpp"
#include "support/memory_file_system.hpp"

namespace {

using qi8::testing::Require;

void CheckTensors(const qi8::Model& model) {
  for (const qi8::Tensor& tensor : model.tensors()) {
    Require(tensor.source.file < model.files().size(), "a tensor lies in a file");
    const qi8::InputFile& file = model.files()[tensor.source.file];
    Require(tensor.source.range.Within(file.identity.size), "a tensor lies within its file");
    std::byte byte{};
    if (tensor.source.range.length > 0) file.file->ReadAt(tensor.source.range.end() - 1, {&byte, 1});
  }
}

void CheckNodes(const qi8::Model& model) {
  for (const qi8::Node& node : model.nodes()) {
    Require(node.graph < model.graphs().size(), "a node stands in a graph");
    Require(node.inputs.size() == node.input_values.size(), "every input of a node has a value");
    for (const qi8::ValueId value : node.input_values) {
      Require(value == qi8::kNone || value < model.values().size(), "an input is a value or none");
    }
  }
  for (std::size_t i = 0; i < model.graphs().size(); ++i) {
    const qi8::Graph& graph = model.graphs()[i];
    Require(i == 0 || graph.parent < i, "a body comes after the graph around it");
    Require(i == 0 || graph.owner < model.nodes().size(), "a body belongs to a node");
  }
}

void CheckValues(const qi8::Model& model) {
  for (qi8::ValueId id = 0; id < model.values().size(); ++id) {
    const qi8::Value& value = model.values()[id];
    Require(value.tensor == qi8::kNone || value.tensor < model.tensors().size(), "a constant is a tensor");
    Require(value.producer == qi8::kNone || value.producer < model.nodes().size(),
            "a value comes from a node");
    if (const auto numbers = model.IntegerConstant(id))
      Require(numbers->size() <= qi8::Model::kMostIntegers, "integer constants are small");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  qi8::testing::FuzzInput input(data, size);
  qi8::testing::FuzzInput options(input.TakeBytes(qi8::testing::kOptionBytes));
  qi8::testing::MemoryFileSystem files;
  files.AddZeros(qi8::testing::kDataPath, options.Take<std::uint64_t>());
  files.Add(qi8::testing::kModelPath, std::string(input.TakeRest()));
  try {
    const qi8::Model model = qi8::Model::Load(files, qi8::testing::kModelPath);
    CheckTensors(model);
    CheckNodes(model);
    CheckValues(model);
  } catch (const qi8::Error&) {
    // What a file that is no model is answered with.
  }
  return 0;
}
