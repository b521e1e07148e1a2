#include "kernels/widen.hpp"

#include <cassert>
#include <cstring>
#include <stdexcept>

#include "kernels/kernels.hpp"

namespace qi8::kernels {
namespace {

void Narrow(std::span<const std::byte> in, std::span<float> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    double stored;
    std::memcpy(&stored, in.data() + i * sizeof(stored), sizeof(stored));
    out[i] = static_cast<float>(stored);
  }
}

}  // namespace

void Widen(DataType type, std::span<const std::byte> in, std::span<float> out) {
  assert(in.size() == out.size() * ElementBytes(type));
  switch (type) {
    case DataType::kFloat:
      if (!out.empty()) std::memcpy(out.data(), in.data(), in.size());
      return;
    case DataType::kFloat16:
      return WidenFloat16(in, out);
    case DataType::kBfloat16:
      return WidenBfloat16(in, out);
    case DataType::kDouble:
      return Narrow(in, out);
    default:
      throw std::logic_error("not a floating-point type: " + DataTypeName(type));
  }
}

}  // namespace qi8::kernels
