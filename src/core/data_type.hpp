// The element types of ONNX tensors.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace qi8 {

// TensorProto.DataType by its numbers, which ONNX Runtime shares. A file may hold numbers that do not stand
// here.
enum class DataType : std::int32_t {
  kUndefined = 0,
  kFloat = 1,
  kUint8 = 2,
  kInt8 = 3,
  kUint16 = 4,
  kInt16 = 5,
  kInt32 = 6,
  kInt64 = 7,
  kString = 8,
  kBool = 9,
  kFloat16 = 10,
  kDouble = 11,
  kUint32 = 12,
  kUint64 = 13,
  kComplex64 = 14,
  kComplex128 = 15,
  kBfloat16 = 16,
  kFloat8E4M3FN = 17,
  kFloat8E4M3FNUZ = 18,
  kFloat8E5M2 = 19,
  kFloat8E5M2FNUZ = 20,
  kUint4 = 21,
  kInt4 = 22,
  kFloat4E2M1 = 23,
};

// "float32", "int8", ...; "type 99" for one unknown.
[[nodiscard]] std::string DataTypeName(DataType type);

// Float32, float16, bfloat16 and float64: what a weight may be stored as.
[[nodiscard]] bool IsFloatingPoint(DataType type);

// Bytes of one element; 0 for a type whose elements have no whole number of bytes (strings, 4-bit types) or
// that is not known here.
[[nodiscard]] std::uint64_t ElementBytes(DataType type);

// Bytes that `elements` elements take in raw form, packed types rounded up to a byte; nothing for types whose
// size is not known here (strings, types newer than this program) and where the product overflows.
[[nodiscard]] std::optional<std::uint64_t> StoredBytes(DataType type, std::uint64_t elements);

}  // namespace qi8
