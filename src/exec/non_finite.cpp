#include "exec/non_finite.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "core/text.hpp"
#include "exec/tensor_reader.hpp"
#include "kernels/kernels.hpp"

namespace qi8 {
namespace {

constexpr std::uint64_t kTileElements = 1ULL << 16U;

std::optional<std::uint64_t> FirstNonFinite(const Model& model, TensorId id,
                                            const std::function<bool()>& should_stop) {
  const std::uint64_t elements = model.tensors()[id].elements;
  TensorReader reader(model, id);
  for (std::uint64_t at = 0; at < elements; at += kTileElements) {
    if (should_stop && should_stop()) throw Error(ErrorKind::kInterrupted, "interrupted");
    const auto found = kernels::FindNonFinite(reader.Read(at, std::min(kTileElements, elements - at)));
    if (found) return at + *found;
  }
  return std::nullopt;
}

std::string Message(const Model& model, TensorId id, std::uint64_t element) {
  const Tensor& tensor = model.tensors()[id];
  std::vector<std::int64_t> index(tensor.dims.size());
  for (std::size_t d = tensor.dims.size(); d-- > 0;) {
    const auto dim = static_cast<std::uint64_t>(tensor.dims[d]);
    index[d] = static_cast<std::int64_t>(element % dim);
    element /= dim;
  }
  return Quote(model.files().front().file->path()) + ": tensor " + Quote(tensor.name) +
         " has a NaN or an infinity" + (tensor.type == DataType::kDouble ? " (as float32)" : "") +
         " at index " + FormatShape(index) +
         "; mend the model, or leave such weights as they are with --nonfinite keep or --exclude";
}

}  // namespace

NonFiniteWeight::NonFiniteWeight(const Model& model, TensorId tensor, std::uint64_t element)
    : Error(ErrorKind::kInvalidModel, Message(model, tensor, element)) {}

NonFiniteElements FindNonFinite(const Model& model, const Plan& plan,
                                const std::function<bool()>& should_stop) {
  // A plan names one tensor of those that lie in the same bytes; what is true of one is true of all.
  std::map<std::pair<TensorSource, DataType>, std::vector<TensorId>> tensors;
  for (TensorId id = 0; id < model.tensors().size(); ++id) {
    tensors[{model.tensors()[id].source, model.tensors()[id].type}].push_back(id);
  }
  NonFiniteElements found;
  for (const QuantizedWeight& weight : plan.weights) {
    if (found.contains(weight.source)) continue;
    const auto element = FirstNonFinite(model, weight.source, should_stop);
    if (!element) continue;
    const Tensor& tensor = model.tensors()[weight.source];
    for (const TensorId id : tensors.at({tensor.source, tensor.type})) found.emplace(id, *element);
  }
  return found;
}

std::set<TensorId> TensorsOf(const NonFiniteElements& elements) {
  std::set<TensorId> tensors;
  for (const auto& [tensor, element] : elements) tensors.insert(tensor);
  return tensors;
}

}  // namespace qi8
