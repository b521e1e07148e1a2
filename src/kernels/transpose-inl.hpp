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

// A block of codes that fits the second-level cache: read as long pieces of rows, written as whole cache
// lines of columns.
constexpr size_t kBlockRows = 64;
constexpr size_t kBlockCols = 1024;
// An odd number of cache lines, so that the codes of a column do not meet in few sets of the cache.
constexpr size_t kBlockStride = kBlockCols + 64;

// The side of the squares that are transposed in registers, in bytes, and how many of them a vector has room
// for.
constexpr size_t kSide = 16;
using SideTag = hn::CappedTag<int8_t, kSide>;
using SidesTag = hn::CappedTag<int8_t, kBlockRows>;
constexpr size_t kSides = HWY_HAVE_SCALABLE ? 1 : HWY_MAX(hn::MaxLanes(SidesTag()) / kSide, 1);

// Of as many rows that are kSide apart as squares fit a vector, kSide bytes each.
template <class D>
HWY_INLINE hn::Vec<D> LoadSides(D d, const int8_t* from, size_t stride) {
  if constexpr (hn::MaxLanes(D()) <= kSide || HWY_HAVE_SCALABLE) {
    return hn::LoadU(d, from);
  } else {
    const hn::Half<D> half;
    return hn::Combine(d, LoadSides(half, from + hn::MaxLanes(half) * stride, stride),
                       LoadSides(half, from, stride));
  }
}

// to[c * to_stride + r] = from[r * from_stride + c] for c below kSide and r below the bytes of a vector.
template <class D>
HWY_INLINE void TransposeSquares(D d, const int8_t* from, size_t from_stride, int8_t* to, size_t to_stride) {
  hn::Vec<D> a[kSide];
  hn::Vec<D> b[kSide];
  for (size_t r = 0; r < kSide; ++r) {
    a[r] = LoadSides(d, from + r * from_stride, from_stride);
  }
  // An element's place is 4 bits of row, then 4 of column. Each pass rotates these 8 bits left by one.
  const auto pass = [d](const hn::Vec<D>* in, hn::Vec<D>* out) HWY_ATTR {
    for (size_t i = 0; i < kSide / 2; ++i) {
      out[2 * i] = hn::InterleaveLower(d, in[i], in[i + kSide / 2]);
      out[2 * i + 1] = hn::InterleaveUpper(d, in[i], in[i + kSide / 2]);
    }
  };
  pass(a, b);
  pass(b, a);
  pass(a, b);
  pass(b, a);
  for (size_t c = 0; c < kSide; ++c) {
    hn::StoreU(a[c], d, to + c * to_stride);
  }
}

// A block of codes, and where its columns go.
struct FullBlock {
  const int8_t* codes;
  size_t rows;
  size_t cols;
  int8_t* out;
  size_t out_stride;

  // Stripes are kSide columns wide.
  HWY_INLINE size_t Stripes() const { return cols / kSide; }

  HWY_INLINE void WriteStripes(size_t first, size_t end) const {
    constexpr size_t kSidesRows = kSides * kSide;
    for (size_t c = first * kSide; c < end * kSide; c += kSide) {
      size_t r = 0;
      if constexpr (kSides > 1) {
        for (; rows - r >= kSidesRows; r += kSidesRows) {
          TransposeSquares(SidesTag(), codes + r * kBlockStride + c, kBlockStride, out + c * out_stride + r,
                           out_stride);
        }
      }
      for (; rows - r >= kSide; r += kSide) {
        TransposeSquares(SideTag(), codes + r * kBlockStride + c, kBlockStride, out + c * out_stride + r,
                         out_stride);
      }
      WriteOneByOne(r, c, c + kSide);
    }
  }

  // The columns that are in no stripe, or the rows that are in no square.
  HWY_INLINE void WriteOneByOne(size_t first_row, size_t first_col, size_t end_col) const {
    for (size_t c = first_col; c < end_col; ++c) {
      for (size_t r = first_row; r < rows; ++r) {
        out[c * out_stride + r] = codes[r * kBlockStride + c];
      }
    }
  }
};

// `quantizer_of(r)` quantizes row r. A block's rows are read as kStreams bands. While that is done, the block
// before it is written, a few stripes after each row of a band, so that reading from memory goes on
// meanwhile.
template <class QuantizerOf>
HWY_INLINE void QuantizeRowsTransposed(const float* in, size_t rows, size_t cols, QuantizerOf quantizer_of,
                                       int8_t* out, size_t out_stride) {
  HWY_ALIGN int8_t blocks[2][kBlockRows * kBlockStride];
  FullBlock before = {blocks[1], 0, 0, out, out_stride};
  size_t current = 0;
  for (size_t r0 = 0; r0 < rows; r0 += kBlockRows) {
    const size_t block_rows = HWY_MIN(kBlockRows, rows - r0);
    const size_t band = block_rows / kStreams;
    for (size_t c0 = 0; c0 < cols; c0 += kBlockCols) {
      const size_t block_cols = HWY_MIN(kBlockCols, cols - c0);
      const float* corner = in + r0 * cols + c0;
      size_t stripe = 0;
      for (size_t r = 0; r < band; ++r) {
        QuantizeRows<kStreams>(
            corner + r * cols, band * cols, block_cols,
            [=](size_t k) HWY_ATTR { return quantizer_of(r0 + r + k * band); },
            blocks[current] + r * kBlockStride, band * kBlockStride);
        const size_t due = before.Stripes() * (r + 1) / band;
        before.WriteStripes(stripe, due);
        stripe = due;
      }
      for (size_t r = kStreams * band; r < block_rows; ++r) {
        QuantizeRows<1>(
            corner + r * cols, 0, block_cols, [=](size_t /*k*/) HWY_ATTR { return quantizer_of(r0 + r); },
            blocks[current] + r * kBlockStride, 0);
      }
      before.WriteStripes(stripe, before.Stripes());
      before.WriteOneByOne(0, before.Stripes() * kSide, before.cols);
      before = {blocks[current], block_rows, block_cols, out + c0 * out_stride + r0, out_stride};
      current = 1 - current;
    }
  }
  before.WriteStripes(0, before.Stripes());
  before.WriteOneByOne(0, before.Stripes() * kSide, before.cols);
}

void QuantizeTransposed(std::span<const float> row_major, size_t rows, size_t cols,
                        std::span<const float> row_scales, std::span<const float> row_zero_points,
                        int8_t* out, size_t out_stride) {
  const float* scales = row_scales.data();
  const float* zeros = row_zero_points.data();
  if (row_zero_points.size() == 0) {
    const auto symmetric = [scales](size_t r) HWY_ATTR { return Symmetric<One>{{scales[r]}}; };
    QuantizeRowsTransposed(row_major.data(), rows, cols, symmetric, out, out_stride);
  } else {
    const auto asymmetric = [scales, zeros](size_t r) HWY_ATTR {
      return Asymmetric<One>{{scales[r]}, {zeros[r]}};
    };
    QuantizeRowsTransposed(row_major.data(), rows, cols, asymmetric, out, out_stride);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace qi8::kernels
HWY_AFTER_NAMESPACE();

#endif  // QI8_KERNELS_TRANSPOSE_INL
