#include "model/tensor_file.hpp"

#include <bit>
#include <cstring>

#include "core/checked.hpp"
#include "core/text.hpp"
#include "model/proto.hpp"
#include "qi8/error.hpp"

namespace qi8 {
namespace {

static_assert(std::endian::native == std::endian::little, "raw_data is little-endian");

template <typename Element, typename Numbers>
std::vector<std::byte> Narrowed(const Numbers& numbers) {
  std::vector<Element> elements;
  elements.reserve(static_cast<std::size_t>(numbers.size()));
  for (const auto number : numbers) elements.push_back(static_cast<Element>(number));
  std::vector<std::byte> bytes(elements.size() * sizeof(Element));
  if (!bytes.empty()) std::memcpy(bytes.data(), elements.data(), bytes.size());
  return bytes;
}

// The elements, whichever field of the message holds them.
std::vector<std::byte> DataOf(const onnx::TensorProto& tensor) {
  if (tensor.has_raw_data()) {
    const auto* bytes = reinterpret_cast<const std::byte*>(tensor.raw_data().data());
    return {bytes, bytes + tensor.raw_data().size()};
  }
  switch (static_cast<DataType>(tensor.data_type())) {
    case DataType::kFloat:
      return Narrowed<float>(tensor.float_data());
    case DataType::kDouble:
      return Narrowed<double>(tensor.double_data());
    case DataType::kInt64:
      return Narrowed<std::int64_t>(tensor.int64_data());
    case DataType::kUint64:
      return Narrowed<std::uint64_t>(tensor.uint64_data());
    case DataType::kUint32:
      return Narrowed<std::uint32_t>(tensor.uint64_data());
    case DataType::kInt32:
      return Narrowed<std::int32_t>(tensor.int32_data());
    case DataType::kInt16:
    case DataType::kUint16:
    case DataType::kFloat16:
    case DataType::kBfloat16:
      return Narrowed<std::uint16_t>(tensor.int32_data());
    default:  // of one byte
      return Narrowed<std::uint8_t>(tensor.int32_data());
  }
}

}  // namespace

TensorFile ReadTensorFile(FileSystem& file_system, const std::filesystem::path& path) {
  const auto fail = [&path](const std::string& message) {
    throw Error(ErrorKind::kFailure, Quote(path.native()) + ": " + message);
  };
  const auto file = file_system.OpenForReading(path);
  const std::uint64_t size = file->Identity().size;
  if (size > INT32_MAX) fail("it is larger than the 2 GiB that a tensor's file can have");
  std::string bytes(size, '\0');
  file->ReadAt(0, std::as_writable_bytes(std::span(bytes)));
  onnx::TensorProto tensor;
  if (!tensor.ParseFromString(bytes) || !tensor.has_data_type()) fail("it holds no ONNX tensor");
  if (tensor.data_location() == onnx::TensorProto::EXTERNAL || tensor.external_data_size() > 0) {
    fail("the tensor keeps its data in another file; store it in this one");
  }
  TensorFile read{.name = tensor.name(),
                  .type = static_cast<DataType>(tensor.data_type()),
                  .dims = {tensor.dims().begin(), tensor.dims().end()},
                  .data = {}};
  const std::uint64_t element = ElementBytes(read.type);
  if (element == 0) fail("tensors of type " + DataTypeName(read.type) + " cannot be given to a model here");
  const auto elements = ElementCount(read.dims);
  const auto wanted = elements ? CheckedMultiply(*elements, element) : std::nullopt;
  if (!wanted) fail("the shape " + FormatShape(read.dims) + " has a dimension that is negative or too large");
  read.data = DataOf(tensor);
  if (read.data.size() != *wanted) {
    fail("the shape " + FormatShape(read.dims) + " of " + DataTypeName(read.type) + " takes " +
         FormatCount(*wanted) + " bytes, but there are " + FormatCount(read.data.size()));
  }
  return read;
}

}  // namespace qi8
