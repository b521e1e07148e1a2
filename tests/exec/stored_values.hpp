// The same numbers as tiles of any floating-point type.
#pragma once

#include <gtest/gtest.h>

#include <Eigen/Core>
#include <bit>
#include <cstdint>
#include <cstring>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/data_type.hpp"
#include "exec/tile_values.hpp"

namespace qi8::testing {

// Whole numbers from -127 to 127, which all types hold.
[[nodiscard]] inline std::vector<float> SomeNumbers(std::size_t count) {
  std::mt19937 generator(11);
  std::vector<float> numbers(count);
  for (float& number : numbers) number = static_cast<float>(generator() % 255) - 127;
  return numbers;
}

class StoredValues {
 public:
  StoredValues(DataType type, const std::vector<float>& numbers)
      : type_(type), bytes_(numbers.size() * ElementBytes(type)) {
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      switch (type) {
        case DataType::kFloat:
          Put(i, numbers[i]);
          break;
        case DataType::kDouble:
          Put(i, static_cast<double>(numbers[i]));
          break;
        case DataType::kBfloat16:
          Put(i, static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(numbers[i]) >> 16U));
          break;
        case DataType::kFloat16:
          Put(i, Eigen::numext::bit_cast<std::uint16_t>(Eigen::half(numbers[i])));
          break;
        default:
          throw std::logic_error("no floating-point type");
      }
    }
  }

  [[nodiscard]] TileValues Tile() const { return {type_, bytes_}; }

 private:
  template <class Stored>
  void Put(std::size_t i, Stored value) {
    std::memcpy(bytes_.data() + i * sizeof(Stored), &value, sizeof(Stored));
  }

  DataType type_;
  std::vector<std::byte> bytes_;
};

[[nodiscard]] inline auto EachFloatingPointType() {
  return ::testing::Values(DataType::kFloat, DataType::kDouble, DataType::kFloat16, DataType::kBfloat16);
}

[[nodiscard]] inline std::string NameOfType(const ::testing::TestParamInfo<DataType>& info) {
  return DataTypeName(info.param);
}

}  // namespace qi8::testing
