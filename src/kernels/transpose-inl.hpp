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

// The bytes of the vectors that Interleave...() works on by themselves, and so the columns that are turned at
// a time.
constexpr size_t kTurnedCols = 16;

// A block of codes that fits the second-level cache, of so many columns at most, and of as many rows as there
// is room for: the longer memory is read in straight lines, the better. `kernels_bench`, 1024 columns: blocks
// of 64 rows 24 GiB/s, of 256 rows 27.
constexpr size_t kBlockCols = 4096;
constexpr size_t kLineBytes = 64;
constexpr size_t kBlockBytes = kLineBytes * (kBlockCols + kLineBytes);

// An odd number of cache lines, or a part of one: the codes of a column do not meet in few sets of the cache.
HWY_INLINE size_t BlockStride(size_t cols) { return cols | kLineBytes; }

// kTurnedCols bytes of each of as many rows as that makes for a vector; they are `stride` bytes apart.
template <class D>
HWY_INLINE hn::Vec<D> LoadRows(D d, const int8_t* from, size_t stride) {
  if constexpr (hn::MaxLanes(D()) <= kTurnedCols) {
    return hn::LoadU(d, from);
  } else {
    const hn::Half<D> half;
    const int8_t* const upper = from + hn::MaxLanes(half) / kTurnedCols * stride;
    return hn::Combine(d, LoadRows(half, upper, stride), LoadRows(half, from, stride));
  }
}

// As many rows of kTurnedCols columns as a vector has bytes. Each of four rounds interleaves vectors i and
// i + 8 to 2 * i and 2 * i + 1: one bit of the number of a row in its block of 16 changes places with one of
// that of the column.
template <class D>
HWY_INLINE void Turn(D d, const int8_t* codes, size_t stride, int8_t* out, size_t out_stride) {
  constexpr size_t kHalf = kTurnedCols / 2;
  hn::Vec<D> vectors[kTurnedCols];
  for (size_t i = 0; i < kTurnedCols; ++i) {
    vectors[i] = LoadRows(d, codes + i * stride, kTurnedCols * stride);
  }
  for (size_t round = 0; round < 4; ++round) {
    hn::Vec<D> turned[kTurnedCols];
    for (size_t i = 0; i < kHalf; ++i) {
      turned[2 * i] = hn::InterleaveLower(d, vectors[i], vectors[i + kHalf]);
      turned[2 * i + 1] = hn::InterleaveUpper(d, vectors[i], vectors[i + kHalf]);
    }
    for (size_t i = 0; i < kTurnedCols; ++i) {
      vectors[i] = turned[i];
    }
  }
  for (size_t c = 0; c < kTurnedCols; ++c) {
    hn::StoreU(vectors[c], d, out + c * out_stride);
  }
}

// Codes of `rows` rows, a multiple of what a vector has bytes, and `cols` columns, at least kTurnedCols; the
// last of these may be turned twice.
template <class D>
HWY_INLINE void TurnBlock(D d, const int8_t* codes, size_t rows, size_t cols, int8_t* out,
                          size_t out_stride) {
  const size_t stride = BlockStride(cols);
  for (size_t r = 0; r < rows; r += hn::Lanes(d)) {
    for (size_t begun = 0; begun < cols; begun += kTurnedCols) {
      const size_t c = HWY_MIN(begun, cols - kTurnedCols);
      Turn(d, codes + r * stride + c, stride, out + c * out_stride + r, out_stride);
    }
  }
}

// Blocks are quantized as any rows are, and then turned: doing both by turns is slower, as is reading fewer
// rows at a time. Rows and columns are as for TurnBlock().
template <class D>
HWY_INLINE void QuantizeBlocks(D d, const float* in, size_t rows, size_t cols, RowParameters parameters,
                               int8_t* out, size_t out_stride) {
  HWY_ALIGN int8_t codes[kBlockBytes];
  const size_t most_rows = kBlockBytes / BlockStride(HWY_MIN(cols, kBlockCols)) / kLineBytes * kLineBytes;
  for (size_t r = 0; r < rows; r += most_rows) {
    const size_t block_rows = HWY_MIN(most_rows, rows - r);
    for (size_t begun = 0; begun < cols; begun += kBlockCols) {
      const size_t c = HWY_MIN(begun, cols - kTurnedCols);
      const size_t block_cols = HWY_MIN(kBlockCols, cols - c);
      QuantizeBandsByRow(in + r * cols + c, cols, block_rows / kStreams, block_cols, parameters.From(r),
                         codes, BlockStride(block_cols));
      TurnBlock(d, codes, block_rows, block_cols, out + c * out_stride + r, out_stride);
    }
  }
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

// Vectors halve until there are rows for them.
template <class D>
HWY_INLINE void QuantizeRowsTransposed(D d, const float* in, size_t rows, size_t cols,
                                       RowParameters parameters, int8_t* out, size_t out_stride) {
  const size_t lanes = hn::Lanes(d);
  if constexpr (hn::MaxLanes(D()) > kTurnedCols) {
    if (rows < lanes) {
      return QuantizeRowsTransposed(hn::Half<D>(), in, rows, cols, parameters, out, out_stride);
    }
  }
  if (rows < lanes || cols < kTurnedCols) {
    return QuantizeOneByOne(in, rows, cols, parameters, out, out_stride);
  }
  const size_t whole = rows / lanes * lanes;
  QuantizeBlocks(d, in, whole, cols, parameters, out, out_stride);
  if (whole < rows) {  // the last rows, some of which are written again
    const size_t first = rows - lanes;
    QuantizeBlocks(d, in + first * cols, lanes, cols, parameters.From(first), out + first, out_stride);
  }
}

void QuantizeTransposed(std::span<const float> row_major, size_t rows, size_t cols,
                        std::span<const float> row_scales, std::span<const float> row_zero_points,
                        int8_t* out, size_t out_stride) {
  QuantizeRowsTransposed(hn::ScalableTag<int8_t>(), row_major.data(), rows, cols,
                         {row_scales.data(), row_zero_points.size() == 0 ? nullptr : row_zero_points.data()},
                         out, out_stride);
}

}  // namespace HWY_NAMESPACE
}  // namespace qi8::kernels
HWY_AFTER_NAMESPACE();

#endif  // QI8_KERNELS_TRANSPOSE_INL
