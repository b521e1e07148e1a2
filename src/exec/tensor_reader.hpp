// A tensor's numbers as float32, a piece at a time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/model.hpp"

namespace qi8 {

class TensorReader {
 public:
  // Of a floating-point tensor. The model outlives the reader.
  TensorReader(const Model& model, TensorId tensor);

  // Elements [first, first + count) of the tensor; they live until the next call.
  [[nodiscard]] std::span<const float> Read(std::uint64_t first, std::uint64_t count);

 private:
  const Model& model_;
  const Tensor& tensor_;
  std::vector<std::byte> stored_;
  std::vector<float> values_;
};

}  // namespace qi8
