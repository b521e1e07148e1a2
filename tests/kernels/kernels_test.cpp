// Every SIMD body against the reference: equal bit for bit, on inputs of all lengths, alignments and kinds.
#include "kernels/kernels.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kernels/reference.hpp"
#include "support.hpp"

namespace qi8::kernels {
namespace {

constexpr std::size_t kColumns[] = {1,   2,   3,   5,   7,    8,    15,   16,   17,   31,  33,
                                    100, 300, 511, 513, 1000, 1023, 1024, 1025, 2050, 5003};
constexpr std::size_t kRows[] = {0, 1, 2, 3, 4, 5, 8, 13};
constexpr std::int8_t kUntouched = 85;

// Lengths to try for a row: all short ones, which have every kind of odd end, and some long ones.
[[nodiscard]] std::vector<std::size_t> Lengths() {
  std::vector<std::size_t> lengths(301);
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    lengths[i] = i;
  }
  lengths.insert(lengths.end(), {1023, 1024, 4096, 65537, 200000});
  return lengths;
}

// Lengths of pieces of a matrix: within a row, about a row, a few rows and a long rest.
[[nodiscard]] std::vector<std::size_t> PieceLengths(std::size_t columns) {
  return {0,   1, columns / 2, columns, columns + 1, 3 * columns + 2, 4 * columns, 11 * columns + columns / 3,
          4500};
}

[[nodiscard]] std::vector<std::size_t> FirstColumns(std::size_t columns) {
  std::vector<std::size_t> first = {0, columns / 2, columns - 1};
  first.erase(std::unique(first.begin(), first.end()), first.end());
  return first;
}

class KernelsTest : public OnEachIsa {
 protected:
  Random random_{20231};
};

TEST_P(KernelsTest, AbsMaxBitsByRow) {
  for (const std::size_t width : Lengths()) {
    for (const std::size_t rows : width <= 300 ? std::span(kRows) : std::span(kRows).first(2)) {
      const FencedBuffer<float> matrix(AnyFinite(rows * width, random_));
      const FencedBuffer<std::uint32_t> max(std::vector<std::uint32_t>(rows, 77));
      std::vector<std::uint32_t> expected(rows);
      AbsMaxBitsByRow(matrix.span(), max.span());
      reference::AbsMaxBitsByRow(matrix.span(), expected);
      EXPECT_TRUE(std::ranges::equal(max.span(), expected)) << rows << ' ' << width;
    }
  }
}

// One large magnitude among zeros, in each place, shows a place that is not looked at, or in a wrong row.
TEST_P(KernelsTest, AbsMaxBitsByRowSeesEveryElement) {
  for (const std::size_t rows : {1U, 5U}) {
    for (const std::size_t width : {1U, 15U, 64U, 200U, 257U}) {
      const FencedBuffer<float> matrix(rows * width);
      for (std::size_t i = 0; i < rows * width; ++i) {
        matrix.span()[i] = -3.0F;
        std::vector<std::uint32_t> max(rows);
        std::vector<std::uint32_t> expected(rows);
        expected[i / width] = std::bit_cast<std::uint32_t>(3.0F);
        AbsMaxBitsByRow(matrix.span(), max);
        EXPECT_EQ(max, expected) << i << " of " << width;
        matrix.span()[i] = 0.0F;
      }
    }
  }
}

TEST_P(KernelsTest, AbsMaxBitsByColumn) {
  for (const std::size_t columns : kColumns) {
    for (const std::size_t length : PieceLengths(columns)) {
      for (const std::size_t first_column : FirstColumns(columns)) {
        const FencedBuffer<float> piece(AnyFinite(length, random_));
        const FencedBuffer<std::uint32_t> max(columns);
        // Some columns have met larger magnitudes before, some have not.
        std::generate(max.span().begin(), max.span().end(), [&] { return random_() % 0x7f800000U; });
        std::vector<std::uint32_t> expected(max.span().begin(), max.span().end());
        reference::AbsMaxBitsByColumn(piece.span(), first_column, expected);
        AbsMaxBitsByColumn(piece.span(), first_column, max.span());
        EXPECT_TRUE(std::ranges::equal(max.span(), expected))
            << columns << ' ' << length << ' ' << first_column;
      }
    }
  }
}

TEST_P(KernelsTest, MagnitudesOfOneSign) {
  for (const Sign sign : {Sign::kPositive, Sign::kNegative}) {
    for (const std::size_t length : Lengths()) {
      const FencedBuffer<float> values(AnyFinite(length, random_));
      EXPECT_EQ(MaxOf(AbsMaxBitsByRow, values.span(), sign),
                MaxOf(reference::AbsMaxBitsByRow, values.span(), sign))
          << length;
    }
    for (const std::size_t columns : kColumns) {
      const FencedBuffer<float> piece(AnyFinite(5 * columns + 3, random_));
      std::vector<std::uint32_t> max(columns);
      std::vector<std::uint32_t> expected(columns);
      AbsMaxBitsByColumn(piece.span(), columns / 2, max, sign);
      reference::AbsMaxBitsByColumn(piece.span(), columns / 2, expected, sign);
      EXPECT_EQ(max, expected) << columns;
    }
  }
}

TEST_P(KernelsTest, NonFiniteShowsInMaxima) {
  for (const float bad :
       {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
        std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::quiet_NaN()}) {
    std::vector<float> values(700, std::numeric_limits<float>::max());
    values[501] = bad;
    EXPECT_GE(MaxOf(AbsMaxBitsByRow, values), kNonFiniteBits);
    EXPECT_GE(std::max(MaxOf(AbsMaxBitsByRow, values, Sign::kPositive),
                       MaxOf(AbsMaxBitsByRow, values, Sign::kNegative)),
              kNonFiniteBits);
    std::vector<std::uint32_t> max(7);
    AbsMaxBitsByColumn(values, 0, max);
    EXPECT_GE(max[501 % 7], kNonFiniteBits);
    EXPECT_EQ(std::ranges::count_if(max, [](std::uint32_t bits) { return bits >= kNonFiniteBits; }), 1);
  }
}

TEST_P(KernelsTest, QuantizeByRow) {
  constexpr float kScales[] = {0x1p-7F, 1.0F, 0x1p-126F, 0x1p-149F, 0x1p120F, 0.0123F, 0x1.fffffep-5F};
  for (const std::size_t width : Lengths()) {
    for (const float scale : width <= 300 ? std::span(kScales) : std::span(kScales).first(2)) {
      const std::size_t rows = kRows[random_() % std::size(kRows)];
      std::vector<float> scales(rows, scale);
      for (std::size_t r = 1; r < rows; r += 2) scales[r] = 0x1p-7F;
      const FencedBuffer<float> matrix(AroundCodes(rows * width, scale, random_));
      const FencedBuffer<std::int8_t> codes(rows * width);
      std::vector<std::int8_t> expected(rows * width);
      reference::QuantizeByRow(matrix.span(), scales, {}, expected);
      QuantizeByRow(matrix.span(), scales, {}, codes.span());
      EXPECT_TRUE(std::ranges::equal(codes.span(), expected)) << rows << ' ' << width << ' ' << scale;
    }
  }
}

TEST_P(KernelsTest, QuantizeByRowWritesItsCodesOnly) {
  for (const std::size_t rows : {1U, 4U, 5U}) {
    const std::vector<float> scales(rows, 1.0F);
    for (std::size_t length = 0; length < 100 * rows; length += rows) {
      const std::vector<float> values(length, 1.0F);
      std::vector<std::int8_t> codes(length + 128, kUntouched);
      QuantizeByRow(values, scales, {}, std::span(codes).subspan(64, length));
      EXPECT_EQ(std::ranges::count(codes, kUntouched), 128) << length;
      EXPECT_EQ(std::count(codes.begin() + 64, codes.end() - 64, 1), static_cast<std::ptrdiff_t>(length));
    }
  }
}

TEST_P(KernelsTest, QuantizeByColumn) {
  for (const std::size_t columns : kColumns) {
    // Every column has its own scale, by powers of two so that halves are met in each.
    std::vector<float> scale_values(columns);
    for (std::size_t c = 0; c < columns; ++c) {
      scale_values[c] = std::ldexp(c % 5 == 4 ? 1.37F : 1.0F, -static_cast<int>(c % 11));
    }
    const FencedBuffer<float> scales(scale_values);
    for (const std::size_t length : PieceLengths(columns)) {
      for (const std::size_t first_column : FirstColumns(columns)) {
        const FencedBuffer<float> piece(AroundCodes(length, 0x1p-5F, random_));
        const FencedBuffer<std::int8_t> codes(length);
        std::vector<std::int8_t> expected(length);
        reference::QuantizeByColumn(piece.span(), first_column, scales.span(), {}, expected);
        QuantizeByColumn(piece.span(), first_column, scales.span(), {}, codes.span());
        EXPECT_TRUE(std::ranges::equal(codes.span(), expected))
            << columns << ' ' << length << ' ' << first_column;
      }
    }
  }
}

TEST_P(KernelsTest, QuantizeTransposed) {
  const auto check = [&](std::size_t rows, std::size_t cols, std::size_t gap) {
    const FencedBuffer<float> matrix(AroundCodes(rows * cols, 0x1p-4F, random_));
    std::vector<float> scales(rows);
    for (std::size_t r = 0; r < rows; ++r) {
      scales[r] = std::ldexp(r % 5 == 4 ? 1.37F : 1.0F, -static_cast<int>(r % 7));
    }
    // The gap after the last column is not there, so nothing may be written to it.
    const std::size_t stride = rows + gap;
    const std::size_t size = rows == 0 || cols == 0 ? 0 : (cols - 1) * stride + rows;
    const FencedBuffer<std::int8_t> codes(std::vector<std::int8_t>(size, kUntouched));
    std::vector<std::int8_t> expected(size, kUntouched);
    reference::QuantizeTransposed(matrix.span(), rows, cols, scales, {}, expected.data(), stride);
    QuantizeTransposed(matrix.span(), rows, cols, scales, {}, codes.span().data(), stride);
    EXPECT_TRUE(std::ranges::equal(codes.span(), expected)) << rows << ' ' << cols << ' ' << gap;
  };
  for (const std::size_t rows : {0U, 1U, 3U, 15U, 16U, 17U, 63U, 64U, 65U, 130U}) {
    for (const std::size_t cols : {0U, 1U, 2U, 15U, 16U, 17U, 257U, 600U, 1024U, 1041U}) {
      check(rows, cols, 0);
      check(rows, cols, 5);
    }
  }
  check(130, 4096 + 1, 5);  // more columns, and more rows, than a block has
  check(3400, 17, 0);
}

TEST(RowsToTranspose, FillsCacheLinesThatDoNotMeetInFewSets) {
  EXPECT_EQ(RowsToTranspose(1), 1U);
  EXPECT_EQ(RowsToTranspose(63), 63U);
  EXPECT_EQ(RowsToTranspose(130), 128U);
  EXPECT_EQ(RowsToTranspose(511), 448U);
  EXPECT_EQ(RowsToTranspose(512), 448U);
  EXPECT_EQ(RowsToTranspose(4100), 4032U);
}

// Zero points in every form, on values whose codes lie at the ends once these are added.
TEST_P(KernelsTest, ZeroPoints) {
  const std::vector<float> of_rows = {-128.0F, -127.0F, -1.0F, 0.0F, 3.0F, 127.0F};
  const std::vector<float> row_scales(of_rows.size(), 0x1p-7F);
  for (const std::size_t width : {1U, 15U, 16U, 64U, 100U, 1025U}) {
    const FencedBuffer<float> matrix(AroundCodes(of_rows.size() * width, 0x1p-6F, random_));
    std::vector<std::int8_t> codes(matrix.span().size());
    std::vector<std::int8_t> expected(codes.size());
    reference::QuantizeByRow(matrix.span(), row_scales, of_rows, expected);
    QuantizeByRow(matrix.span(), row_scales, of_rows, codes);
    EXPECT_EQ(codes, expected) << width;
  }
  for (const std::size_t columns : kColumns) {
    std::vector<float> scales(columns);
    std::vector<float> zero_points(columns);
    for (std::size_t c = 0; c < columns; ++c) {
      scales[c] = std::ldexp(1.0F, -static_cast<int>(c % 9));
      zero_points[c] = static_cast<float>(static_cast<int>(random_() % 256) - 128);
    }
    for (const std::size_t first_column : FirstColumns(columns)) {
      const FencedBuffer<float> piece(AroundCodes(4 * columns + 1, 0x1p-4F, random_));
      std::vector<std::int8_t> codes(piece.span().size());
      std::vector<std::int8_t> expected(codes.size());
      reference::QuantizeByColumn(piece.span(), first_column, scales, zero_points, expected);
      QuantizeByColumn(piece.span(), first_column, scales, zero_points, codes);
      EXPECT_EQ(codes, expected) << columns << ' ' << first_column;
    }
    const FencedBuffer<float> matrix(AroundCodes(columns * 70, 0x1p-4F, random_));
    std::vector<std::int8_t> codes(columns * 70);
    std::vector<std::int8_t> expected(codes.size());
    reference::QuantizeTransposed(matrix.span(), columns, 70, scales, zero_points, expected.data(), columns);
    QuantizeTransposed(matrix.span(), columns, 70, scales, zero_points, codes.data(), columns);
    EXPECT_EQ(codes, expected) << columns;
  }
}

// All scales and values that the inverse of quantizer-inl.hpp could give another code. Its quotients are less
// than 2^-47 of themselves off before they are rounded to floats, so they become the same floats as the true
// ones unless these lie that near to the middle of two floats; and codes differ only where one of the two is
// half-way between codes. With M / 2^k such a middle, the scale m * 2^a and the value X * 2^b, where m and X
// have 24 bits, m * M = X * 2^j + r; that near means a remainder r below 8, and M, j and r tell m.
TEST_P(KernelsTest, HardQuotients) {
  constexpr std::int64_t kMostRemainder = 16;
  constexpr int kExponents[] = {-123, -40, -23,
                                0,    76,  100};  // up to both ends of what is inverted, and beyond
  std::vector<float> values;
  std::vector<float> scales;
  std::vector<float> zero_points;
  for (int code = 0; code < 256; ++code) {
    const float half = static_cast<float>(code) + 0.5F;
    for (const float beside : {std::nextafter(half, 0.0F), std::nextafter(half, 999.0F)}) {
      const double middle = (static_cast<double>(half) + static_cast<double>(beside)) / 2;
      int exponent = 0;
      auto odd = static_cast<std::uint64_t>(std::ldexp(std::frexp(middle, &exponent), 26));
      while (odd % 2 == 0) odd /= 2;
      std::uint64_t inverse = odd;  // modulo 2^64, by Newton's iteration: each step doubles the right bits
      for (int step = 0; step < 5; ++step) inverse *= 2 - odd * inverse;
      for (const unsigned bits : {24U, 25U, 26U}) {
        for (std::int64_t remainder = -kMostRemainder; remainder <= kMostRemainder; ++remainder) {
          const std::uint64_t mantissa =
              (static_cast<std::uint64_t>(remainder) * inverse) & ((std::uint64_t{1} << bits) - 1);
          if (mantissa < (1U << 23U) || mantissa >= (1U << 24U)) continue;
          const float scale = static_cast<float>(mantissa);
          const auto value = static_cast<float>(static_cast<double>(scale) * middle);
          for (const float near : {std::nextafter(value, 0.0F), value, std::nextafter(value, 0x1p100F)}) {
            for (const float sign : {1.0F, -1.0F}) {
              values.push_back(sign * near);
              scales.push_back(scale);
              // So that the codes on both sides are within the range.
              const float beyond = sign > 0 ? -128.0F : 127.0F;
              zero_points.push_back(code < 128 ? 0.0F : beyond);
            }
          }
        }
      }
    }
  }
  ASSERT_GT(values.size(), 30000U);
  // As many rows as make inverses of columns worth while.
  constexpr std::size_t kCopies = 8;
  std::vector<float> scaled(scales.size());
  for (const int exponent : kExponents) {
    std::vector<float> column_values;
    for (std::size_t copy = 0; copy < kCopies; ++copy) {
      for (const float value : values) column_values.push_back(std::ldexp(value, exponent));
    }
    for (std::size_t i = 0; i < scales.size(); ++i) scaled[i] = std::ldexp(scales[i], exponent);
    std::vector<std::int8_t> expected(column_values.size());
    std::vector<std::int8_t> codes(column_values.size());
    reference::QuantizeByColumn(column_values, 0, scaled, zero_points, expected);
    QuantizeByColumn(column_values, 0, scaled, zero_points, codes);
    EXPECT_EQ(codes, expected) << exponent;
    const auto one_copy = std::span<const float>(column_values).first(values.size());
    expected.resize(values.size());
    codes.resize(values.size());
    QuantizeByRow(one_copy, scaled, zero_points, codes);
    EXPECT_EQ(codes, expected) << exponent;
  }
}

// Empty spans have null pointers, which the sanitizers don't let pass through pointer arithmetic.
TEST_P(KernelsTest, NothingIsFine) {
  AbsMaxBitsByRow({}, {});
  EXPECT_EQ(MaxOf(AbsMaxBitsByRow, {}), 0U);
  EXPECT_EQ(FindNonFinite({}), std::nullopt);
  AbsMaxBitsByColumn({}, 0, {});
  QuantizeByRow({}, {}, {}, {});
  QuantizeByRow({}, std::vector<float>{1.0F}, {}, {});
  QuantizeByColumn({}, 0, {}, {}, {});
  QuantizeTransposed({}, 0, 0, {}, {}, nullptr, 0);
}

// All numbers there are, bit for bit, NaNs too; then odd ends, of which nothing beyond is read or written.
TEST_P(KernelsTest, Widening) {
  std::vector<std::uint16_t> all(65536);
  std::iota(all.begin(), all.end(), std::uint16_t{0});
  const std::span<const std::byte> bytes = std::as_bytes(std::span(all));
  for (std::size_t count = 0; count <= all.size(); count = count < 70 ? count + 1 : count + 65466) {
    const FencedBuffer<std::byte> in(
        std::vector<std::byte>(bytes.end() - 2 * std::ptrdiff_t(count), bytes.end()));
    const FencedBuffer<float> out(count);
    std::vector<float> expected(count);
    const auto same = [&] {
      return std::ranges::equal(std::as_bytes(out.span()), std::as_bytes(std::span(expected)));
    };
    WidenFloat16(in.span(), out.span());
    reference::WidenFloat16(in.span(), expected);
    EXPECT_TRUE(same()) << count;
    WidenBfloat16(in.span(), out.span());
    reference::WidenBfloat16(in.span(), expected);
    EXPECT_TRUE(same()) << count;
  }
}

TEST_P(KernelsTest, FindNonFinite) {
  std::vector<float> values = AnyFinite(20000, random_);
  EXPECT_EQ(FindNonFinite(values), std::nullopt);
  // From the last to the first, so that each is the first of several.
  for (const std::size_t i :
       {19999U, 19998U, 12289U, 12288U, 12287U, 8192U, 4097U, 4096U, 4095U, 100U, 16U, 1U, 0U}) {
    values[i] =
        i % 2 == 0 ? -std::numeric_limits<float>::quiet_NaN() : std::numeric_limits<float>::infinity();
    EXPECT_EQ(FindNonFinite(values), i);
    EXPECT_EQ(FindNonFinite(std::span(values).first(i)), std::nullopt);
  }
}

QI8_INSTANTIATE_ON_EACH_ISA(KernelsTest);

}  // namespace
}  // namespace qi8::kernels
