#include "exec/unstorable.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "core/text.hpp"
#include "exec/tensor_reader.hpp"
#include "kernels/kernels.hpp"

namespace qi8 {
namespace {

constexpr std::uint64_t kTileElements = 1ULL << 16U;

std::optional<std::uint64_t> FirstUnstorable(const Model& model, const QuantizedWeight& weight,
                                             const std::function<bool()>& should_stop) {
  const std::uint64_t elements = model.tensors()[weight.source].elements;
  TensorReader reader(model, weight.source);
  for (std::uint64_t at = 0; at < elements; at += kTileElements) {
    if (should_stop && should_stop()) throw Error(ErrorKind::kInterrupted, "interrupted");
    const TileValues values(reader.Read(at, std::min(kTileElements, elements - at)));
    const auto found = FindUnstorable(weight.encoding, values);
    if (found) return at + *found;
  }
  return std::nullopt;
}

std::string Message(const Model& model, TensorId id, const UnstorableElement& unstorable) {
  const Tensor& tensor = model.tensors()[id];
  std::uint64_t element = unstorable.index;
  std::vector<std::int64_t> index(tensor.dims.size());
  for (std::size_t d = tensor.dims.size(); d-- > 0;) {
    const auto dim = static_cast<std::uint64_t>(tensor.dims[d]);
    index[d] = static_cast<std::int64_t>(element % dim);
    element /= dim;
  }
  return Quote(model.files().front().file->path()) + ": tensor " + Quote(tensor.name) +
         (unstorable.encoding.has_scales() ? " has a NaN or an infinity"
                                           : " has a number that float16 cannot hold") +
         (tensor.type == DataType::kDouble ? " (as float32)" : "") + " at index " + FormatShape(index) +
         "; fix the model, or leave such weights as they are with --nonfinite keep or --exclude";
}

}  // namespace

std::optional<std::uint64_t> FindUnstorable(const Encoding& encoding, const TileValues& values) {
  return encoding.has_scales() ? FindNonFinite(values) : FindBeyondFloat16(values);
}

UnstorableWeight::UnstorableWeight(const Model& model, TensorId tensor, const UnstorableElement& element)
    : Error(ErrorKind::kInvalidModel, Message(model, tensor, element)) {}

UnstorableElements FindUnstorable(const Model& model, const Plan& plan,
                                  const std::function<bool()>& should_stop) {
  // A plan names one tensor of those that lie in the same bytes; what is true of one is true of all.
  std::map<std::pair<TensorSource, DataType>, std::vector<TensorId>> tensors;
  for (TensorId id = 0; id < model.tensors().size(); ++id) {
    tensors[{model.tensors()[id].source, model.tensors()[id].type}].push_back(id);
  }
  UnstorableElements found;
  for (const QuantizedWeight& weight : plan.weights) {
    if (found.contains(weight.source)) continue;
    const auto element = FirstUnstorable(model, weight, should_stop);
    if (!element) continue;
    const Tensor& tensor = model.tensors()[weight.source];
    for (const TensorId id : tensors.at({tensor.source, tensor.type}))
      found.emplace(id, UnstorableElement{*element, weight.encoding});
  }
  return found;
}

std::set<TensorId> TensorsOf(const UnstorableElements& elements) {
  std::set<TensorId> tensors;
  for (const auto& [tensor, element] : elements) tensors.insert(tensor);
  return tensors;
}

}  // namespace qi8
