#include "exec/non_finite.hpp"

#include <algorithm>

#include "exec/tensor_reader.hpp"
#include "kernels/kernels.hpp"
#include "qi8/error.hpp"

namespace qi8 {
namespace {

constexpr std::uint64_t kTileElements = 1ULL << 16U;

bool HasNonFinite(const Model& model, TensorId id, const std::function<bool()>& should_stop) {
  const std::uint64_t elements = model.tensors()[id].elements;
  TensorReader reader(model, id);
  for (std::uint64_t at = 0; at < elements; at += kTileElements) {
    if (should_stop && should_stop()) throw Error(ErrorKind::kInterrupted, "interrupted");
    if (kernels::FindNonFinite(reader.Read(at, std::min(kTileElements, elements - at)))) return true;
  }
  return false;
}

}  // namespace

std::set<TensorId> FindNonFiniteTensors(const Model& model, const std::function<bool()>& should_stop) {
  std::set<TensorId> found;
  for (TensorId id = 0; id < model.tensors().size(); ++id) {
    const Tensor& tensor = model.tensors()[id];
    if (IsFloatingPoint(tensor.type) && HasNonFinite(model, id, should_stop)) found.insert(id);
  }
  return found;
}

}  // namespace qi8
