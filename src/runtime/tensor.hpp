// What goes into a model and comes out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/data_type.hpp"

namespace qi8::runtime {

namespace internal {

// Throws: elements of `type` are not to be had as a C++ type of `bytes` bytes.
[[noreturn]] void FailHeldType(DataType type, std::size_t bytes);

// Whether elements of `type` can be read and written as T. 16-bit floats go by their bits, as std::uint16_t,
// and bool as std::uint8_t: a byte from elsewhere may be neither 0 nor 1.
template <class T>
constexpr bool IsHeldAs(DataType type) {
  switch (type) {
    case DataType::kFloat:
      return std::is_same_v<T, float>;
    case DataType::kDouble:
      return std::is_same_v<T, double>;
    case DataType::kUint8:
    case DataType::kBool:
      return std::is_same_v<T, std::uint8_t>;
    case DataType::kInt8:
      return std::is_same_v<T, std::int8_t>;
    case DataType::kUint16:
    case DataType::kFloat16:
    case DataType::kBfloat16:
      return std::is_same_v<T, std::uint16_t>;
    case DataType::kInt16:
      return std::is_same_v<T, std::int16_t>;
    case DataType::kUint32:
      return std::is_same_v<T, std::uint32_t>;
    case DataType::kInt32:
      return std::is_same_v<T, std::int32_t>;
    case DataType::kUint64:
      return std::is_same_v<T, std::uint64_t>;
    case DataType::kInt64:
      return std::is_same_v<T, std::int64_t>;
    default:
      return false;
  }
}

}  // namespace internal

// A dense tensor: row-major elements in the machine's byte order.
struct Tensor {
  DataType type = DataType::kUndefined;
  std::vector<std::int64_t> shape;  // empty: a scalar
  std::vector<std::byte> data;      // product of shape x the type's size

  // The elements. T must be the C++ type of `type`; std::uint16_t for float16 and bfloat16, std::uint8_t for
  // bool.
  template <class T>
  [[nodiscard]] std::span<const T> As() const {
    if (!internal::IsHeldAs<T>(type)) {
      internal::FailHeldType(type, sizeof(T));
    }
    return {reinterpret_cast<const T*>(data.data()), data.size() / sizeof(T)};
  }

  // A tensor with a copy of `values`. Whether their number fits the shape is checked where the tensor is
  // used.
  template <class T>
  [[nodiscard]] static Tensor Of(DataType type, std::vector<std::int64_t> shape, std::span<const T> values) {
    if (!internal::IsHeldAs<T>(type)) {
      internal::FailHeldType(type, sizeof(T));
    }
    Tensor tensor{type, std::move(shape), std::vector<std::byte>(values.size_bytes())};
    if (!values.empty()) {
      std::memcpy(tensor.data.data(), values.data(), values.size_bytes());
    }
    return tensor;
  }
};

// Number of elements that the tensor's shape calls for, having checked that its data is exactly that long.
// Errors: a negative dimension, a product beyond 64 bits, a type without whole bytes, data of another length.
[[nodiscard]] std::size_t CheckedElementCount(const Tensor& tensor);

}  // namespace qi8::runtime
