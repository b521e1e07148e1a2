#include "runtime/fidelity.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "qi8/error.hpp"

namespace qi8::runtime {
namespace {

using ::testing::HasSubstr;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

template <class T>
[[nodiscard]] Tensor Make(DataType type, const std::vector<T>& values) {
  return Tensor::Of<T>(type, {static_cast<std::int64_t>(values.size())}, values);
}

[[nodiscard]] Fidelity OfFloats(const std::vector<float>& reference, const std::vector<float>& candidate) {
  return CompareOutputs(Make(DataType::kFloat, reference), Make(DataType::kFloat, candidate));
}

void ExpectEqualOutputs(const Fidelity& fidelity) {
  EXPECT_EQ(fidelity.sqnr_db, kInfinity);
  EXPECT_DOUBLE_EQ(fidelity.cosine, 1);
  EXPECT_EQ(fidelity.max_abs_difference, 0);
}

void ExpectInfiniteError(const Fidelity& fidelity) {
  EXPECT_EQ(fidelity.sqnr_db, -kInfinity);
  EXPECT_EQ(fidelity.cosine, 0);
  EXPECT_EQ(fidelity.max_abs_difference, kInfinity);
}

[[nodiscard]] std::string MessageOf(const Tensor& reference, const Tensor& candidate) {
  try {
    (void)CompareOutputs(reference, candidate);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kFailure);
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

TEST(FidelityTest, FollowsItsFormulas) {
  // sum r^2 = 25, sum (r-c)^2 = 0.25, sum c^2 = 22.25, sum r c = 23.5
  const Fidelity fidelity = OfFloats({3, 4}, {2.5F, 4});
  EXPECT_DOUBLE_EQ(fidelity.sqnr_db, 20);
  EXPECT_DOUBLE_EQ(fidelity.cosine, 23.5 / std::sqrt(25 * 22.25));
  EXPECT_EQ(fidelity.max_abs_difference, 0.5);
}

TEST(FidelityTest, EqualOutputsHaveNoError) { ExpectEqualOutputs(OfFloats({1, -2, 3e38F}, {1, -2, 3e38F})); }

TEST(FidelityTest, OutputsWithoutElementsAreEqual) { ExpectEqualOutputs(OfFloats({}, {})); }

TEST(FidelityTest, AllZeros) {
  ExpectEqualOutputs(OfFloats({0, 0}, {0, -0.0F}));

  const Fidelity from_zero = OfFloats({0, 0}, {0, 1});
  EXPECT_EQ(from_zero.sqnr_db, -kInfinity);
  EXPECT_EQ(from_zero.cosine, 0);
  EXPECT_EQ(from_zero.max_abs_difference, 1);

  const Fidelity to_zero = OfFloats({3, 4}, {0, 0});
  EXPECT_DOUBLE_EQ(to_zero.sqnr_db, 0);
  EXPECT_EQ(to_zero.cosine, 0);
  EXPECT_EQ(to_zero.max_abs_difference, 4);
}

TEST(FidelityTest, OppositesHaveACosineOfMinusOne) {
  const Fidelity fidelity = OfFloats({1, 2, 3}, {-1, -2, -3});
  EXPECT_DOUBLE_EQ(fidelity.cosine, -1);
  EXPECT_DOUBLE_EQ(fidelity.sqnr_db, -10 * std::log10(4));
}

TEST(FidelityTest, TheSameNonFiniteValuesAreEqualAndEnterNoSum) {
  ExpectEqualOutputs(OfFloats({kNan, kInf, -kInf, 1}, {-kNan, kInf, -kInf, 1}));
  EXPECT_DOUBLE_EQ(OfFloats({-kInf, 3, 4}, {-kInf, 2.5F, 4}).sqnr_db, 20);
}

TEST(FidelityTest, OtherNonFiniteValuesAreAnInfiniteError) {
  ExpectInfiniteError(OfFloats({1, 2}, {1, kNan}));
  ExpectInfiniteError(OfFloats({1, kNan}, {1, 2}));
  ExpectInfiniteError(OfFloats({kInf, 2}, {-kInf, 2}));
  ExpectInfiniteError(OfFloats({kInf, 2}, {kNan, 2}));
  ExpectInfiniteError(OfFloats({kInf, 2}, {3e38F, 2}));
}

TEST(FidelityTest, DoublesAtTheEndsOfTheirRangeNeitherOverflowNorVanish) {
  const auto compare = [](std::vector<double> reference, std::vector<double> candidate) {
    return CompareOutputs(Make(DataType::kDouble, reference), Make(DataType::kDouble, candidate));
  };
  EXPECT_NEAR(compare({1e300, 0}, {0.9e300, 0}).sqnr_db, 20, 1e-9);
  EXPECT_NEAR(compare({1e-300, 0}, {0.9e-300, 0}).sqnr_db, 20, 1e-9);
  EXPECT_DOUBLE_EQ(compare({1e300, 0}, {0.9e300, 0}).cosine, 1);
}

TEST(FidelityTest, LargeIntegersAreComparedExactly) {
  const std::vector<std::int64_t> reference = {INT64_MAX, INT64_MIN};
  const std::vector<std::int64_t> candidate = {INT64_MAX - 1, INT64_MIN};
  const Fidelity fidelity =
      CompareOutputs(Make(DataType::kInt64, reference), Make(DataType::kInt64, candidate));
  EXPECT_EQ(fidelity.max_abs_difference, 1);
  EXPECT_LT(fidelity.sqnr_db, kInfinity);

  EXPECT_EQ(CompareOutputs(Make<std::uint64_t>(DataType::kUint64, {UINT64_MAX}),
                           Make<std::uint64_t>(DataType::kUint64, {UINT64_MAX - 1}))
                .max_abs_difference,
            1);
}

TEST(FidelityTest, EveryIntegerTypeIsComparedBySignAndSize) {
  const auto difference = []<class T>(DataType type, T reference, T candidate) {
    return CompareOutputs(Make<T>(type, {reference}), Make<T>(type, {candidate})).max_abs_difference;
  };
  EXPECT_EQ(difference(DataType::kInt8, std::int8_t{-128}, std::int8_t{127}), 255);
  EXPECT_EQ(difference(DataType::kUint8, std::uint8_t{0}, std::uint8_t{255}), 255);
  EXPECT_EQ(difference(DataType::kInt16, std::int16_t{-1}, std::int16_t{1}), 2);
  EXPECT_EQ(difference(DataType::kUint16, std::uint16_t{0}, std::uint16_t{65535}), 65535);
  EXPECT_EQ(difference(DataType::kInt32, INT32_MIN, INT32_MAX), 4294967295.0);
  EXPECT_EQ(difference(DataType::kUint32, 0U, UINT32_MAX), 4294967295.0);
  EXPECT_EQ(difference(DataType::kBool, std::uint8_t{0}, std::uint8_t{1}), 1);
}

TEST(FidelityTest, Float16IsReadByItsBits) {
  const auto difference = [](std::uint16_t reference, std::uint16_t candidate) {
    return CompareOutputs(Make<std::uint16_t>(DataType::kFloat16, {reference}),
                          Make<std::uint16_t>(DataType::kFloat16, {candidate}))
        .max_abs_difference;
  };
  EXPECT_EQ(difference(0x3C00, 0xC000), 3);               // 1, -2
  EXPECT_EQ(difference(0x7BFF, 0x0000), 65504);           // the largest
  EXPECT_EQ(difference(0x0400, 0x8000), 0x1p-14);         // the smallest normal, -0
  EXPECT_EQ(difference(0x0001, 0x0000), 0x1p-24);         // the smallest subnormal
  EXPECT_EQ(difference(0x03FF, 0x0000), 1023 * 0x1p-24);  // the largest subnormal
  EXPECT_EQ(difference(0x7C00, 0x7C00), 0);               // infinities
  EXPECT_EQ(difference(0x7C00, 0xFC00), kInfinity);
  EXPECT_EQ(difference(0x7E00, 0x7C01), 0);  // NaNs
}

TEST(FidelityTest, Bfloat16IsReadByItsBits) {
  EXPECT_EQ(CompareOutputs(Make<std::uint16_t>(DataType::kBfloat16, {0x3F80}),  // 1
                           Make<std::uint16_t>(DataType::kBfloat16, {0xC040}))  // -3
                .max_abs_difference,
            4);
}

TEST(FidelityTest, TypesAndShapesMustAgree) {
  const Tensor floats = Make<float>(DataType::kFloat, {1, 2});
  const Tensor doubles = Make<double>(DataType::kDouble, {1, 2});
  const Tensor column = Tensor::Of<float>(DataType::kFloat, {2, 1}, std::vector<float>{1, 2});
  EXPECT_THAT(MessageOf(floats, doubles), HasSubstr("the reference is float32, the candidate float64"));
  EXPECT_THAT(MessageOf(floats, column), HasSubstr("the reference has the shape [2], the candidate [2, 1]"));
}

TEST(FidelityTest, DataMustFitItsShape) {
  const Tensor right = Make<float>(DataType::kFloat, {1, 2});
  Tensor wrong = right;
  wrong.data.pop_back();
  EXPECT_THAT(MessageOf(right, wrong), HasSubstr("takes 8 bytes, but has 7"));
  EXPECT_THAT(MessageOf(wrong, right), HasSubstr("takes 8 bytes, but has 7"));
}

TEST(FidelityTest, OtherTypesAreRefused) {
  const Tensor float8{DataType::kFloat8E4M3FN, {1}, {std::byte{1}}};
  EXPECT_THAT(MessageOf(float8, float8), HasSubstr("float8e4m3fn"));
  const Tensor strings{DataType::kString, {0}, {}};
  EXPECT_THAT(MessageOf(strings, strings), HasSubstr("string"));
}

}  // namespace
}  // namespace qi8::runtime
