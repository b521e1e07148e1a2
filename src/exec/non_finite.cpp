#include "exec/non_finite.hpp"

#include <algorithm>
#include <vector>

#include "kernels/kernels.hpp"
#include "kernels/widen.hpp"
#include "qi8/error.hpp"

namespace qi8 {
namespace {

constexpr std::uint64_t kTileElements = 1ULL << 16U;

bool HasNonFinite(const Model& model, const Tensor& tensor, const std::function<bool()>& should_stop) {
  const std::uint64_t element_bytes = ElementBytes(tensor.type);
  std::vector<std::byte> stored(kTileElements * element_bytes);
  std::vector<float> values(kTileElements);
  for (std::uint64_t at = 0; at < tensor.elements; at += kTileElements) {
    if (should_stop && should_stop()) throw Error(ErrorKind::kInterrupted, "interrupted");
    const std::uint64_t count = std::min(kTileElements, tensor.elements - at);
    const auto bytes = std::span(stored).first(count * element_bytes);
    model.files()[tensor.source.file].file->ReadAt(tensor.source.range.offset + at * element_bytes, bytes);
    const auto widened = std::span(values).first(count);
    kernels::Widen(tensor.type, bytes, widened);
    if (kernels::FindNonFinite(widened)) return true;
  }
  return false;
}

}  // namespace

std::set<TensorId> FindNonFiniteTensors(const Model& model, const std::function<bool()>& should_stop) {
  std::set<TensorId> found;
  for (TensorId id = 0; id < model.tensors().size(); ++id) {
    const Tensor& tensor = model.tensors()[id];
    if (IsFloatingPoint(tensor.type) && HasNonFinite(model, tensor, should_stop)) found.insert(id);
  }
  return found;
}

}  // namespace qi8
