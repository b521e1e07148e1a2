#include "model/repeated_initializers.hpp"

#include <algorithm>
#include <map>
#include <span>
#include <string_view>

#include "core/checked.hpp"
#include "core/data_type.hpp"
#include "core/text.hpp"
#include "model/payload.hpp"
#include "qi8/error.hpp"

namespace qi8 {
namespace {

// From this many bytes on, the runtime keeps an initializer of the model itself in another way.
constexpr std::uint64_t kLargeForTheRuntime = 128;

bool IsLargeAndInside(const onnx::TensorProto& tensor) {
  if (tensor.data_location() == onnx::TensorProto::EXTERNAL) return false;
  // Counted as in memory: numbers below 128 of type int64 may stand in the file as a byte each.
  const std::vector<std::int64_t> dims(tensor.dims().begin(), tensor.dims().end());
  const auto elements = ElementCount(dims);
  const auto bytes =
      elements ? StoredBytes(static_cast<DataType>(tensor.data_type()), *elements) : std::nullopt;
  return !bytes || *bytes >= kLargeForTheRuntime;
}

bool SameBytes(const ReadableFile& file, std::uint64_t one, std::uint64_t other, std::uint64_t length) {
  constexpr std::uint64_t kPiece = 64U << 10U;
  std::string a;
  std::string b;
  for (std::uint64_t done = 0; done < length; done += kPiece) {
    const std::uint64_t size = std::min(kPiece, length - done);
    a.resize(size);
    b.resize(size);
    file.ReadAt(one + done, std::as_writable_bytes(std::span(a)));
    file.ReadAt(other + done, std::as_writable_bytes(std::span(b)));
    if (a != b) return false;
  }
  return true;
}

bool SameTensor(const ReadableFile& file, const onnx::TensorProto& one, const onnx::TensorProto& other) {
  const auto a = GetPayload(one);
  const auto b = GetPayload(other);
  if (a.has_value() != b.has_value()) return false;
  if (a && (a->second != b->second || !SameBytes(file, a->first, b->first, a->second))) return false;
  onnx::TensorProto rest_of_one = one;
  onnx::TensorProto rest_of_other = other;
  rest_of_one.DiscardUnknownFields();
  rest_of_other.DiscardUnknownFields();
  return rest_of_one.SerializeAsString() == rest_of_other.SerializeAsString();
}

}  // namespace

std::vector<std::string> KeepLastInitializers(onnx::GraphProto& graph, const ReadableFile& file) {
  auto& initializers = *graph.mutable_initializer();
  std::map<std::string_view, const onnx::TensorProto*> last;
  for (const auto& initializer : initializers) last[initializer.name()] = &initializer;
  if (last.size() == static_cast<std::size_t>(initializers.size())) return {};

  std::map<std::string, const onnx::TensorProto*> repeated;
  for (const auto& initializer : initializers) {
    const onnx::TensorProto* const counts = last.at(initializer.name());
    if (counts == &initializer) continue;
    const bool is_large = IsLargeAndInside(initializer) || IsLargeAndInside(*counts);
    if (is_large && !SameTensor(file, initializer, *counts)) {
      throw Error(
          ErrorKind::kInvalidModel,
          Quote(file.path()) + ": initializer " + Quote(initializer.name()) +
              " is defined twice, with different numbers. ONNX Runtime says that the last one counts, "
              "and uses another; rename or remove one of them");
    }
    repeated.emplace(initializer.name(), counts);
  }
  std::vector<std::string> names;
  names.reserve(repeated.size());
  for (const auto& [name, counts] : repeated) names.push_back(name);
  RemoveIf(initializers, [&](const auto& initializer) {
    const auto found = repeated.find(initializer.name());
    return found != repeated.end() && found->second != &initializer;
  });
  return names;
}

}  // namespace qi8
