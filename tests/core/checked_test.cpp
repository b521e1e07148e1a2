#include "core/checked.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <vector>

#include "core/byte_range.hpp"
#include "core/channel_shape.hpp"

namespace qi8 {
namespace {

using Dims = std::vector<std::int64_t>;

TEST(CheckedAdd, AddsUpToTheLimit) {
  EXPECT_EQ(CheckedAdd(2, 3), 5U);
  EXPECT_EQ(CheckedAdd(UINT64_MAX, 0), UINT64_MAX);
  EXPECT_EQ(CheckedAdd(UINT64_MAX - 1, 1), UINT64_MAX);
  EXPECT_EQ(CheckedAdd(UINT64_MAX, 1), std::nullopt);
  EXPECT_EQ(CheckedAdd(1ULL << 63U, 1ULL << 63U), std::nullopt);
}

TEST(CheckedMultiply, MultipliesUpToTheLimit) {
  EXPECT_EQ(CheckedMultiply(6, 7), 42U);
  EXPECT_EQ(CheckedMultiply(UINT64_MAX, 0), 0U);
  EXPECT_EQ(CheckedMultiply(UINT64_MAX, 1), UINT64_MAX);
  EXPECT_EQ(CheckedMultiply(UINT32_MAX, 1ULL << 32U), UINT64_MAX - UINT32_MAX);
  EXPECT_EQ(CheckedMultiply(1ULL << 32U, 1ULL << 32U), std::nullopt);
  EXPECT_EQ(CheckedMultiply(UINT64_MAX, 2), std::nullopt);
}

TEST(ElementCount, IsTheProductOfTheDimensions) {
  EXPECT_EQ(ElementCount(Dims{2, 3, 4}), 24U);
  EXPECT_EQ(ElementCount(Dims{}), 1U) << "a scalar";
  EXPECT_EQ(ElementCount(Dims{0}), 0U);
  EXPECT_EQ(ElementCount(Dims{5, 0, 7}), 0U);
}

TEST(ElementCount, RefusesNegativeDimensions) {
  EXPECT_EQ(ElementCount(Dims{-1}), std::nullopt);
  EXPECT_EQ(ElementCount(Dims{-2, -3}), std::nullopt);
  EXPECT_EQ(ElementCount(Dims{0, -1}), std::nullopt);
  EXPECT_EQ(ElementCount(Dims{INT64_MIN}), std::nullopt);
}

TEST(ElementCount, RefusesWhatDoesNotFit63Bits) {
  EXPECT_EQ(ElementCount(Dims{INT64_MAX}), static_cast<std::uint64_t>(INT64_MAX));
  EXPECT_EQ(ElementCount(Dims{1LL << 62, 2}), std::nullopt) << "fits 64 bits, not 63";
  EXPECT_EQ(ElementCount(Dims{1LL << 32, 1LL << 32}), std::nullopt) << "0 modulo 2^64";
  EXPECT_EQ(ElementCount(Dims{1LL << 32, 1LL << 32, 0}), std::nullopt) << "a zero hides nothing";
  EXPECT_EQ(ElementCount(Dims{0, 1LL << 32, 1LL << 32}), std::nullopt);
}

TEST(AlignUp, GoesToTheNextMultiple) {
  EXPECT_EQ(AlignUp(0, 64), 0U);
  EXPECT_EQ(AlignUp(1, 64), 64U);
  EXPECT_EQ(AlignUp(64, 64), 64U);
  EXPECT_EQ(AlignUp(65, 64), 128U);
  EXPECT_EQ(AlignUp(10, 3), 12U);
}

TEST(DivideUp, RoundsUpWithoutOverflow) {
  EXPECT_EQ(DivideUp(0, 4), 0U);
  EXPECT_EQ(DivideUp(1, 4), 1U);
  EXPECT_EQ(DivideUp(8, 4), 2U);
  EXPECT_EQ(DivideUp(9, 4), 3U);
  EXPECT_EQ(DivideUp(UINT64_MAX, 2), 1ULL << 63U);
}

TEST(ByteRange, KnowsWhetherItLiesInAFile) {
  EXPECT_TRUE((ByteRange{0, 0}.Within(0)));
  EXPECT_TRUE((ByteRange{0, 10}.Within(10)));
  EXPECT_TRUE((ByteRange{10, 0}.Within(10)));
  EXPECT_FALSE((ByteRange{0, 11}.Within(10)));
  EXPECT_FALSE((ByteRange{11, 0}.Within(10)));
  EXPECT_FALSE((ByteRange{4, 7}.Within(10)));
}

TEST(ByteRange, DoesNotOverflow) {
  EXPECT_FALSE((ByteRange{8, UINT64_MAX - 4}.Within(100))) << "its end modulo 2^64 is 3";
  EXPECT_FALSE((ByteRange{UINT64_MAX, UINT64_MAX}.Within(100)));
}

TEST(ChannelShape, CountsElementsAndScales) {
  constexpr ChannelShape kBatchedMatMul{.groups = 3, .reduced = 5, .channels = 7};
  EXPECT_EQ(kBatchedMatMul.scales(), 21U);
  EXPECT_EQ(kBatchedMatMul.group_elements(), 35U);
  EXPECT_EQ(kBatchedMatMul.elements(), 105U);
}

}  // namespace
}  // namespace qi8
