#include "exec/tensor_reader.hpp"

#include <algorithm>

#include "kernels/widen.hpp"

namespace qi8 {

TensorReader::TensorReader(const Model& model, TensorId tensor)
    : model_(model), tensor_(model.tensors()[tensor]) {}

std::span<const float> TensorReader::Read(std::uint64_t first, std::uint64_t count) {
  const std::uint64_t element_bytes = ElementBytes(tensor_.type);
  stored_.resize(std::max<std::size_t>(stored_.size(), count * element_bytes));
  values_.resize(std::max<std::size_t>(values_.size(), count));
  const auto bytes = std::span(stored_).first(count * element_bytes);
  model_.files()[tensor_.source.file].file->ReadAt(tensor_.source.range.offset + first * element_bytes,
                                                   bytes);
  const auto values = std::span(values_).first(count);
  kernels::Widen(tensor_.type, bytes, values);
  return values;
}

}  // namespace qi8
