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
constexpr size_t kBlockCols = 2048;
// An odd number of cache lines, so that the codes of a column do not meet in few sets of the cache.
constexpr size_t kBlockStride = kBlockCols + kCacheLine;

// How many columns ahead of each row to fetch, be they of the same group or of groups to come: a group's rows
// are short, hardware prefetchers have just begun to follow them when they end. `kernels_bench`, 1024
// columns: without 14 GiB/s, 256 columns 20.6, 384 22.9, 448 and 480 23.5, 512 23.2, 640 22.6; rows of 100
// and 768 like 480 best.
constexpr size_t kGroupAhead = 480;

// Rows that are written together: one vector of 16 bytes of each column.
constexpr size_t kSideGroups = 4;
constexpr size_t kSideRows = kSideGroups * kGroupRows;

using Bytes = hn::Repartition<int8_t, SignedBitsTag>;
using Shorts = hn::Repartition<int16_t, SignedBitsTag>;
using Pairs = hn::Repartition<uint64_t, BitsTag>;

// The low bytes of kGroupRows rows, side by side: a0 b0 c0 d0 a1 b1 c1 d1 ...
HWY_INLINE hn::Vec<Bytes> SideBySide(const IntVec (&rows)[kGroupRows]) {
  const Shorts d16;
  const Bytes d8;
  const auto ac = hn::OddEven(hn::BitCast(d16, hn::ShiftLeft<16>(rows[2])), hn::BitCast(d16, rows[0]));
  const auto bd = hn::OddEven(hn::BitCast(d16, hn::ShiftLeft<16>(rows[3])), hn::BitCast(d16, rows[1]));
  return hn::OddEven(hn::BitCast(d8, hn::ShiftLeft<8>(bd)), hn::BitCast(d8, ac));
}

HWY_INLINE hn::Vec<Bytes> ZeroPointsSideBySide(RowParameters rows) {
  uint32_t all = 0;
  for (size_t r = 0; r < kGroupRows; ++r) {
    all |= static_cast<uint32_t>(static_cast<uint8_t>(static_cast<int32_t>(rows.ZeroPoint(r)))) << (8 * r);
  }
  return hn::BitCast(Bytes(), hn::Set(BitsTag(), all));
}

// A matrix as it is read: in blocks, from left to right and then those below, and each block in groups of
// rows. `cols` is at least a vector, and so is the width of the last block, which may read a part of the one
// before.
struct Reading {
  const float* in;
  size_t rows;
  size_t cols;
  size_t block_row = 0;
  size_t block_col = 0;
  size_t row = 0;  // the group's first one, in the block

  HWY_INLINE bool AtEnd() const { return block_row >= rows; }
  HWY_INLINE size_t FirstRow() const { return block_row + row; }
  HWY_INLINE size_t FirstColumn() const { return HWY_MIN(block_col, cols - hn::Lanes(FloatTag())); }
  HWY_INLINE size_t Rows() const { return HWY_MIN(kBlockRows, rows - block_row); }
  HWY_INLINE size_t Columns() const { return HWY_MIN(kBlockCols, cols - FirstColumn()); }
  HWY_INLINE const float* Group() const { return in + FirstRow() * cols + FirstColumn(); }

  HWY_INLINE void Next() {
    row += kGroupRows;
    if (row < Rows()) {
      return;
    }
    row = 0;
    block_col += kBlockCols;
    if (block_col >= cols) {
      block_col = 0;
      block_row += kBlockRows;
    }
  }
};

// The codes of a group. What will be read kGroupAhead columns later is fetched meanwhile: the group `soon` is
// as many whole groups later as that makes, `later` the one after it.
HWY_INLINE void QuantizeGroup(const Reading& group, const Reading& soon, const Reading& later,
                              RowParameters rows, uint32_t* out) {
  static_assert(kGroupRows == kStreams, "so many quantizers are made at once");
  const float* const in = group.Group();
  const size_t stride = group.cols;
  const size_t count = group.Columns();
  const size_t ahead = kGroupAhead % count;
  const float* const fetched = soon.Group() + ahead;
  const float* const fetched_at_end = later.Group() + ahead - count;
  const auto zero_points = ZeroPointsSideBySide(rows);
  WithQuantizers(rows, 1, [=](const auto& quantizers) HWY_ATTR {
    const size_t lanes = hn::Lanes(FloatTag());
    const auto quantize_vectors = [&](size_t i, const float* fetch) HWY_ATTR {
      IntVec codes[kGroupRows];
      for (size_t r = 0; r < kGroupRows; ++r) {
        PrefetchSoon(fetch + r * stride + i);
        codes[r] = quantizers.At(r, i).LowBytes(LoadVector(in + r * stride + i));
      }
      const auto bytes = hn::Add(SideBySide(codes), zero_points);
      hn::StoreU(hn::BitCast(BitsTag(), bytes), BitsTag(), out + i);
    };
    size_t i = 0;
    for (; count - i >= lanes && count - i > ahead; i += lanes) {
      quantize_vectors(i, fetched);
    }
    for (; count - i >= lanes; i += lanes) {
      quantize_vectors(i, fetched_at_end);
    }
    if (i < count) {  // the last whole vectors, a part of which is written again
      quantize_vectors(count - lanes, fetched_at_end);
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
  HWY_ALIGN uint32_t blocks[2][kBlockRows / kGroupRows * kBlockStride];
  FullBlock before = {blocks[1], 0, 0, out, out_stride};
  size_t current = 0;
  size_t stripe = 0;  // of the block before, the next to be written
  Reading now = {in, rows, cols};
  Reading soon = now;
  for (size_t i = 0; i < kGroupAhead / now.Columns(); ++i) {
    soon.Next();
  }
  while (!now.AtEnd()) {
    Reading later = soon;
    later.Next();
    QuantizeGroup(now, soon, later, parameters.From(now.FirstRow()),
                  blocks[current] + now.row / kGroupRows * kBlockStride);
    const size_t due = before.Stripes() * (now.row + kGroupRows) / now.Rows();
    before.WriteStripes(stripe, due);
    stripe = due;
    const FullBlock block = {blocks[current], now.Rows(), now.Columns(),
                             out + now.FirstColumn() * out_stride + now.block_row, out_stride};
    now.Next();
    soon = later;
    if (now.row == 0) {
      before = block;
      stripe = 0;
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
