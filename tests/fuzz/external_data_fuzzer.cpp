// Tensors whose external data, shape and type are put together from the bytes: Error, or ranges that lie
// within the file and have the length that shape and type ask for.
#include "core/checked.hpp"
#include "fuzz/fuzz_target.hpp"
#include "model/model.hpp"
#include "model/proto.hpp"
#include "qi8/error.hpp"
#include "support/memory_file_system.hpp"

namespace {

using qi8::testing::FuzzInput;
using qi8::testing::Require;

constexpr std::uint64_t kSmallFile = 64;
constexpr std::uint64_t kHugeFile = UINT64_MAX - 7;

std::string NumberText(FuzzInput& input) {
  static const std::string kTexts[] = {
      "0", "1", "4", "16", "64", "18446744073709551615", "18446744073709551552", "-1"};
  switch (input.TakeBelow(4)) {
    case 0:
      return input.TakeText();
    case 1:
      return std::to_string(input.Take<std::uint8_t>());
    case 2:
      return std::to_string(input.Take<std::uint64_t>());
    default:
      return input.TakeOneOf(kTexts);
  }
}

std::int64_t Dimension(FuzzInput& input) {
  static constexpr std::int64_t kDims[] = {
      0, 1, 2, 4, 16, -1, INT64_MIN, INT64_MAX, 1LL << 62U, 1LL << 32, 1LL << 31, 1LL << 60, 1LL << 61};
  return input.TakeBool() ? input.TakeOneOf(kDims) : input.Take<std::int8_t>();
}

void AddTensor(onnx::GraphProto& graph, FuzzInput& input) {
  static const std::string kKeys[] = {"location", "offset", "length", "checksum", "basepath", ""};
  static const std::string kLocations[] = {"d", "huge", "m.onnx", "./d", "../d", "/d", "gone"};
  auto& tensor = *graph.add_initializer();
  tensor.set_name(input.TakeText());
  tensor.set_data_type(input.Take<std::int8_t>());
  for (std::size_t rank = input.TakeBelow(5); rank > 0; --rank) tensor.add_dims(Dimension(input));
  tensor.set_data_location(input.Take<std::uint8_t>() < 240 ? onnx::TensorProto::EXTERNAL
                                                            : onnx::TensorProto::DEFAULT);
  for (std::size_t count = input.TakeBelow(5); count > 0; --count) {
    auto& entry = *tensor.add_external_data();
    entry.set_key(input.TakeOneOf(kKeys));
    entry.set_value(entry.key() == "location" ? input.TakeOneOf(kLocations) : NumberText(input));
  }
  if (input.Take<std::uint8_t>() < 16) tensor.set_raw_data(input.TakeText());
  if (input.Take<std::uint8_t>() < 16) tensor.add_float_data(1);
}

void CheckRanges(const qi8::Model& model) {
  for (const qi8::Tensor& tensor : model.tensors()) {
    Require(tensor.source.range.Within(model.files()[tensor.source.file].identity.size),
            "a tensor lies within its file");
    const auto elements = qi8::ElementCount(tensor.dims);
    Require(elements.has_value(), "a tensor has a number of elements");
    if (!elements) return;
    Require(tensor.elements == *elements, "which is that of its shape");
    if (const auto bytes = qi8::StoredBytes(tensor.type, *elements)) {
      Require(tensor.source.range.length == *bytes, "a tensor has the bytes of its shape and type");
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  onnx::ModelProto proto;
  for (int i = 0; i < 4 && !input.empty(); ++i) AddTensor(*proto.mutable_graph(), input);
  qi8::testing::MemoryFileSystem files;
  files.AddZeros("folder/d", kSmallFile);
  files.AddZeros("folder/huge", kHugeFile);
  files.Add("folder/m.onnx", proto.SerializeAsString());
  try {
    CheckRanges(qi8::Model::Load(files, "folder/m.onnx"));
    for (const auto& read : files.reads()) Require(read.path == "folder/m.onnx", "loading reads no weight");
  } catch (const qi8::Error&) {
    // Data that is not where the model says.
  }
  return 0;
}
