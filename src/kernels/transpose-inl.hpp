// The SIMD body of quantization with transposition.

// Not #pragma once: Highway flips HWY_TARGET_TOGGLE to let the file in again for the next target.
#if defined(QI8_KERNELS_TRANSPOSE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef QI8_KERNELS_TRANSPOSE_INL
#undef QI8_KERNELS_TRANSPOSE_INL
#else
#define QI8_KERNELS_TRANSPOSE_INL
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/kernels.hpp"
#include "kernels/quantize-inl.hpp"
#include "kernels/vectors-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace qi8::kernels {
namespace HWY_NAMESPACE {

// Rows whose codes of one column stand together, as one number of 32 bits: four times fewer numbers to turn.
constexpr size_t kGroupRows = 4;

// A block of codes that fits the second-level cache: read as long pieces of rows, written as whole cache
// lines of columns.
constexpr size_t kBlockRows = 64;
constexpr size_t kBlockCols = 1024;
// An odd number of cache lines, so that the codes of a column do not meet in few sets of the cache.
constexpr size_t kBlockStride = kBlockCols + kCacheLine;

// How many elements ahead a group to come is fetched. `kernels_bench`, 1024 columns, with divisions: without
// 58 % of reading, 2048 and 4096 elements 73 %, 8192 and 16384 86 %; into the first-level cache 69 %.
constexpr size_t kGroupAhead = 8192;

// Rows that are written together: one vector of 16 bytes of each column.
constexpr size_t kSideGroups = 4;
constexpr size_t kSideRows = kSideGroups * kGroupRows;

using Bytes = hn::Repartition<int8_t, SignedBitsTag>;
using Shorts = hn::Repartition<int16_t, SignedBitsTag>;
using Pairs = hn::Repartition<uint64_t, BitsTag>;

// Codes of kGroupRows rows, as bytes side by side: a0 b0 c0 d0 a1 b1 c1 d1 ...
HWY_INLINE BitsVec SideBySide(const IntVec (&codes)[kGroupRows]) {
  const BitsTag d;
  const Shorts d16;
  const Bytes d8;
  const auto ac = hn::OddEven(hn::BitCast(d16, hn::ShiftLeft<16>(codes[2])), hn::BitCast(d16, codes[0]));
  const auto bd = hn::OddEven(hn::BitCast(d16, hn::ShiftLeft<16>(codes[3])), hn::BitCast(d16, codes[1]));
  return hn::BitCast(d, hn::OddEven(hn::BitCast(d8, hn::ShiftLeft<8>(bd)), hn::BitCast(d8, ac)));
}

// Codes of `count` columns of kGroupRows rows, which lie `stride` elements apart. Those of a group to come
// are fetched meanwhile: a group's rows are short, hardware prefetchers have just begun to follow them when
// they end.
HWY_INLINE void QuantizeGroup(const float* in, size_t stride, size_t count, RowParameters rows,
                              uint32_t* out) {
  static_assert(kGroupRows == kStreams, "so many quantizers are made at once");
  WithQuantizers(rows, 1, [=](const auto& quantizers) HWY_ATTR {
    const size_t lanes = hn::Lanes(FloatTag());
    const size_t group = kGroupRows * stride;
    const size_t ahead = (kGroupAhead + group - 1) / group * group;
    const auto quantize_vectors = [&](size_t i) HWY_ATTR {
      IntVec codes[kGroupRows];
      for (size_t r = 0; r < kGroupRows; ++r) {
        const float* const values = in + r * stride + i;
        PrefetchToSecondLevel(values + ahead);
        codes[r] = quantizers.At(r, i).Codes(LoadVector(values));
      }
      hn::StoreU(SideBySide(codes), BitsTag(), out + i);
    };
    size_t i = 0;
    for (; count - i >= lanes; i += lanes) {
      quantize_vectors(i);
    }
    if (i < count) {  // the last whole vectors, a part of which is written again
      quantize_vectors(count - lanes);
    }
  });
}

// Each block of 16 bytes of the vector to a row of its own, `stride` bytes apart.
template <class D>
HWY_INLINE void StoreBlocks(D d, hn::Vec<D> blocks, int8_t* to, size_t stride) {
  if constexpr (hn::MaxLanes(D()) <= 16) {
    hn::StoreU(blocks, d, to);
  } else {
    const hn::Half<D> half;
    StoreBlocks(half, hn::LowerHalf(half, blocks), to, stride);
    StoreBlocks(half, hn::UpperHalf(half, blocks), to + hn::MaxLanes(half) / 16 * stride, stride);
  }
}

// As many columns as a vector has numbers, of kSideRows rows.
HWY_INLINE void WriteSide(const uint32_t* groups, int8_t* out, size_t out_stride) {
  const BitsTag d;
  const Pairs d64;
  const Bytes d8;
  BitsVec in[kSideGroups];
  for (size_t g = 0; g < kSideGroups; ++g) {
    in[g] = hn::LoadU(d, groups + g * kBlockStride);
  }
  const auto lower01 = hn::BitCast(d64, hn::InterleaveLower(d, in[0], in[1]));
  const auto lower23 = hn::BitCast(d64, hn::InterleaveLower(d, in[2], in[3]));
  const auto upper01 = hn::BitCast(d64, hn::InterleaveUpper(d, in[0], in[1]));
  const auto upper23 = hn::BitCast(d64, hn::InterleaveUpper(d, in[2], in[3]));
  // Block b of the vector for column c has column 4 * b + c.
  const hn::Vec<Pairs> columns[4] = {
      hn::InterleaveLower(d64, lower01, lower23), hn::InterleaveUpper(d64, lower01, lower23),
      hn::InterleaveLower(d64, upper01, upper23), hn::InterleaveUpper(d64, upper01, upper23)};
  for (size_t c = 0; c < 4; ++c) {
    StoreBlocks(d8, hn::BitCast(d8, columns[c]), out + c * out_stride, 4 * out_stride);
  }
}

// A block of codes, a multiple of kSideRows rows and at least a vector of columns, and where its columns go.
struct FullBlock {
  const uint32_t* groups;
  size_t rows;
  size_t cols;
  int8_t* out;
  size_t out_stride;

  // Stripes are a vector wide; the last one may write a part of the one before again.
  HWY_INLINE size_t Stripes() const { return (cols + hn::Lanes(BitsTag()) - 1) / hn::Lanes(BitsTag()); }

  HWY_INLINE void WriteStripes(size_t first, size_t end) const {
    const size_t lanes = hn::Lanes(BitsTag());
    for (size_t s = first; s < end; ++s) {
      const size_t c = HWY_MIN(s * lanes, cols - lanes);
      for (size_t r = 0; r < rows; r += kSideRows) {
        WriteSide(groups + r / kGroupRows * kBlockStride + c, out + c * out_stride + r, out_stride);
      }
    }
  }
};

// While a block is quantized, the block before it is written, a few stripes after each group of rows, so that
// reading from memory goes on meanwhile. `rows` is a multiple of kSideRows, and `cols` at least a vector.
HWY_INLINE void QuantizeBlocks(const float* in, size_t rows, size_t cols, RowParameters parameters,
                               int8_t* out, size_t out_stride) {
  const size_t lanes = hn::Lanes(FloatTag());
  HWY_ALIGN uint32_t blocks[2][kBlockRows / kGroupRows * kBlockStride];
  FullBlock before = {blocks[1], 0, 0, out, out_stride};
  size_t current = 0;
  for (size_t r0 = 0; r0 < rows; r0 += kBlockRows) {
    const size_t block_rows = HWY_MIN(kBlockRows, rows - r0);
    for (size_t next = 0; next < cols; next += kBlockCols) {
      const size_t c0 = HWY_MIN(next, cols - lanes);  // the last block is not narrower than a vector
      const size_t block_cols = HWY_MIN(kBlockCols, cols - c0);
      size_t stripe = 0;
      for (size_t r = 0; r < block_rows; r += kGroupRows) {
        QuantizeGroup(in + (r0 + r) * cols + c0, cols, block_cols, parameters.From(r0 + r),
                      blocks[current] + r / kGroupRows * kBlockStride);
        const size_t due = before.Stripes() * (r + kGroupRows) / block_rows;
        before.WriteStripes(stripe, due);
        stripe = due;
      }
      before = {blocks[current], block_rows, block_cols, out + c0 * out_stride + r0, out_stride};
      current = 1 - current;
    }
  }
  before.WriteStripes(0, before.Stripes());
}

// Rows that are too few, or too short, for that.
HWY_INLINE void QuantizeOneByOne(const float* in, size_t rows, size_t cols, RowParameters parameters,
                                 int8_t* out, size_t out_stride) {
  HWY_ALIGN int8_t codes[kBlockCols];
  for (size_t r = 0; r < rows; ++r) {
    for (size_t c0 = 0; c0 < cols; c0 += kBlockCols) {
      const size_t count = HWY_MIN(kBlockCols, cols - c0);
      QuantizeRows<1>(in + r * cols + c0, 0, count,
                      OneEachRow<DividingQuantizer, 1>{{parameters.Of<DividingQuantizer>(r)}}, codes, 0);
      for (size_t c = 0; c < count; ++c) {
        out[(c0 + c) * out_stride + r] = codes[c];
      }
    }
  }
}

HWY_INLINE void QuantizeRowsTransposed(const float* in, size_t rows, size_t cols, RowParameters parameters,
                                       int8_t* out, size_t out_stride) {
  if (cols < hn::Lanes(FloatTag()) || rows < kSideRows) {
    return QuantizeOneByOne(in, rows, cols, parameters, out, out_stride);
  }
  const size_t whole = rows / kSideRows * kSideRows;
  QuantizeBlocks(in, whole, cols, parameters, out, out_stride);
  if (whole < rows) {  // the last rows, some of which are written again
    const size_t first = rows - kSideRows;
    QuantizeBlocks(in + first * cols, kSideRows, cols, parameters.From(first), out + first, out_stride);
  }
}

void QuantizeTransposed(std::span<const float> row_major, size_t rows, size_t cols,
                        std::span<const float> row_scales, std::span<const float> row_zero_points,
                        int8_t* out, size_t out_stride) {
  QuantizeRowsTransposed(row_major.data(), rows, cols,
                         {row_scales.data(), row_zero_points.size() == 0 ? nullptr : row_zero_points.data()},
                         out, out_stride);
}

}  // namespace HWY_NAMESPACE
}  // namespace qi8::kernels
HWY_AFTER_NAMESPACE();

#endif  // QI8_KERNELS_TRANSPOSE_INL
