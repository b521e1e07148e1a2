#include "core/data_type.hpp"

#include <array>
#include <string_view>

#include "core/checked.hpp"

namespace qi8 {
namespace {

struct TypeInfo {
  std::string_view name;
  std::uint64_t bits;  // 0: no raw form
};

// Indexed by TensorProto.DataType, up to the last that DataType names.
constexpr std::array<TypeInfo, 24> kTypes = {{
    {"undefined", 0},      {"float32", 32},  {"uint8", 8},        {"int8", 8},           {"uint16", 16},
    {"int16", 16},         {"int32", 32},    {"int64", 64},       {"string", 0},         {"bool", 8},
    {"float16", 16},       {"float64", 64},  {"uint32", 32},      {"uint64", 64},        {"complex64", 64},
    {"complex128", 128},   {"bfloat16", 16}, {"float8e4m3fn", 8}, {"float8e4m3fnuz", 8}, {"float8e5m2", 8},
    {"float8e5m2fnuz", 8}, {"uint4", 4},     {"int4", 4},         {"float4e2m1", 4},
}};

const TypeInfo* Find(DataType type) {
  const auto number = static_cast<std::int32_t>(type);
  if (number < 0 || static_cast<std::size_t>(number) >= kTypes.size()) return nullptr;
  return &kTypes.at(static_cast<std::size_t>(number));
}

}  // namespace

std::string DataTypeName(DataType type) {
  const TypeInfo* info = Find(type);
  return info ? std::string(info->name) : "type " + std::to_string(static_cast<std::int32_t>(type));
}

bool IsFloatingPoint(DataType type) {
  return type == DataType::kFloat || type == DataType::kFloat16 || type == DataType::kDouble ||
         type == DataType::kBfloat16;
}

std::uint64_t ElementBytes(DataType type) {
  const TypeInfo* info = Find(type);
  return info && info->bits % 8 == 0 ? info->bits / 8 : 0;
}

std::optional<std::uint64_t> StoredBytes(DataType type, std::uint64_t elements) {
  const TypeInfo* info = Find(type);
  if (!info || info->bits == 0) return std::nullopt;
  const auto bits = CheckedMultiply(elements, info->bits);
  if (!bits) return std::nullopt;
  return DivideUp(*bits, 8);
}

}  // namespace qi8
