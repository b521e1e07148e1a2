// Every number of 16 bits, against Eigen's own conversions.
#include "kernels/widen.hpp"

#include <gtest/gtest.h>

#include <Eigen/Core>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace qi8::kernels {
namespace {

[[nodiscard]] std::vector<std::uint16_t> AllBits() {
  std::vector<std::uint16_t> bits(65536);
  for (std::size_t i = 0; i < bits.size(); ++i) bits[i] = static_cast<std::uint16_t>(i);
  return bits;
}

// Equal bit for bit; NaNs just have to stay NaNs.
template <typename Expected>
void ExpectEach(DataType type, Expected expected) {
  const auto bits = AllBits();
  std::vector<float> widened(bits.size());
  Widen(type, std::as_bytes(std::span(bits)), widened);
  for (std::size_t i = 0; i < bits.size(); ++i) {
    const float wanted = expected(bits[i]);
    if (std::isnan(wanted)) {
      EXPECT_TRUE(std::isnan(widened[i])) << i;
    } else {
      EXPECT_EQ(std::bit_cast<std::uint32_t>(widened[i]), std::bit_cast<std::uint32_t>(wanted)) << i;
    }
  }
}

TEST(Widen, EveryFloat16) {
  ExpectEach(DataType::kFloat16, [](std::uint16_t bits) {
    return Eigen::half_impl::half_to_float(Eigen::half_impl::raw_uint16_to_half(bits));
  });
}

TEST(Widen, EveryBfloat16) {
  ExpectEach(DataType::kBfloat16, [](std::uint16_t bits) {
    return Eigen::bfloat16_impl::bfloat16_to_float(Eigen::bfloat16_impl::raw_uint16_to_bfloat16(bits));
  });
}

TEST(Widen, DoublesAreRounded) {
  const std::vector<double> doubles = {0.1, -1e-50, 1e300, -1e300, 1.0 + 0x1p-24, 1.0 + 0x1p-24 + 0x1p-50};
  std::vector<float> narrowed(doubles.size());
  Widen(DataType::kDouble, std::as_bytes(std::span(doubles)), narrowed);
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(narrowed, (std::vector<float>{0.1F, -0.0F, kInfinity, -kInfinity, 1.0F, 1.0F + 0x1p-23F}));
}

TEST(Widen, BytesNeedNoAlignment) {
  const std::vector<std::byte> bytes = {std::byte{9}, std::byte{0}, std::byte{0x3c}};
  std::vector<float> widened(1);
  Widen(DataType::kFloat16, std::span(bytes).subspan(1), widened);
  EXPECT_EQ(widened[0], 1.0F);
}

TEST(Widen, OtherTypesAreAProgrammersError) {
  std::vector<float> widened(1);
  const std::vector<std::byte> bytes(4);
  EXPECT_THROW(Widen(DataType::kInt32, bytes, widened), std::logic_error);
}

}  // namespace
}  // namespace qi8::kernels
