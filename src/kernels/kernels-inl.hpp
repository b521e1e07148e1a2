// The SIMD body of kernels.hpp, which kernels.cpp includes once for each instruction set.
//
// All functions here are compiled with the instructions of their target, so an inline function of the
// standard library that they instantiate could be linked into code that runs on a lesser CPU. They keep to
// raw pointers for that reason.

// Not #pragma once: Highway flips HWY_TARGET_TOGGLE to let the file in again for the next target.
#if defined(QI8_KERNELS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef QI8_KERNELS_INL
#undef QI8_KERNELS_INL
#else
#define QI8_KERNELS_INL
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "kernels/kernels.hpp"
#include "kernels/reference.hpp"

HWY_BEFORE_NAMESPACE();
namespace qi8::kernels {
namespace HWY_NAMESPACE {

// Plain loops serve where there are no vectors, and on 32-bit Arm, whose vectors flush denormals and cannot
// divide.
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128 || HWY_ARCH_ARM_V7

using reference::AbsMaxBits;
using reference::AbsMaxBitsByColumn;
using reference::QuantizeByColumn;
using reference::QuantizeRow;
using reference::QuantizeTransposed;

#else

namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
using BitsTag = hn::RebindToUnsigned<FloatTag>;
using Int8Tag = hn::Rebind<int8_t, FloatTag>;
using FloatVec = hn::Vec<FloatTag>;
using BitsVec = hn::Vec<BitsTag>;

// Rows narrower than this are handled several at a time, as one row of several copies of the columns. It is
// long enough to make the odd elements at its end not matter, and short enough to stay in the first-level
// cache.
constexpr size_t kLongRow = 1024;

// The length of a long row, which is a whole number of times `columns` (> 0); `count` if there are no more
// elements.
HWY_INLINE size_t LongRowWidth(size_t columns, size_t count) {
  return HWY_MIN(count, kLongRow / columns * columns);
}

HWY_INLINE FloatVec LoadVector(const float* from) { return hn::LoadU(FloatTag(), from); }

// The first `count` lanes (fewer than a vector has), the others being `fill`. Goes through a buffer because
// masked loads read beyond the end on some targets.
HWY_INLINE FloatVec LoadPart(const float* from, size_t count, float fill) {
  const FloatTag d;
  HWY_ALIGN float lanes[hn::MaxLanes(d)];
  hn::Store(hn::Set(d, fill), d, lanes);
  std::memcpy(lanes, from, count * sizeof(float));
  return hn::Load(d, lanes);
}

// How far ahead of a contiguous read to prefetch, in elements. Hardware prefetchers stop at the end of a 4
// KiB page, and while the divider is busy too few loads are under way to hide that: without this, quantizing
// reads a third less per second. 4 to 16 KiB ahead do equally well. Prefetching beyond the end of the input
// is harmless.
constexpr size_t kPrefetchAhead = 2048;

constexpr size_t kCacheLine = 64 / sizeof(float);

// Magnitudes of the numbers that count, see Sign.
struct OfAnySign {
  HWY_INLINE BitsVec operator()(FloatVec values) const {
    const BitsTag d;
    return hn::And(hn::BitCast(d, values), hn::Set(d, 0x7fffffffU));
  }
};
using SignedBitsTag = hn::RebindToSigned<FloatTag>;
HWY_INLINE BitsVec SignMask(FloatVec values) {
  return hn::BitCast(BitsTag(), hn::ShiftRight<31>(hn::BitCast(SignedBitsTag(), values)));
}
struct OfPositives {
  HWY_INLINE BitsVec operator()(FloatVec values) const {
    return hn::AndNot(SignMask(values), OfAnySign()(values));
  }
};
struct OfNegatives {
  HWY_INLINE BitsVec operator()(FloatVec values) const {
    return hn::And(SignMask(values), OfAnySign()(values));
  }
};

HWY_INLINE uint32_t MaxLane(BitsVec bits) { return hn::GetLane(hn::MaxOfLanes(BitsTag(), bits)); }

// ------------------------------ Largest magnitudes

template <class Magnitudes>
HWY_INLINE uint32_t MaxOf(const float* in, size_t count, Magnitudes magnitudes) {
  const size_t lanes = hn::Lanes(FloatTag());

  BitsVec max0 = hn::Zero(BitsTag());
  BitsVec max1 = max0;
  BitsVec max2 = max0;
  BitsVec max3 = max0;
  size_t i = 0;
  for (; count - i >= 4 * lanes; i += 4 * lanes) {
    for (size_t j = 0; j < 4 * lanes; j += kCacheLine) {
      hwy::Prefetch(in + i + j + kPrefetchAhead);
    }
    max0 = hn::Max(max0, magnitudes(LoadVector(in + i)));
    max1 = hn::Max(max1, magnitudes(LoadVector(in + i + lanes)));
    max2 = hn::Max(max2, magnitudes(LoadVector(in + i + 2 * lanes)));
    max3 = hn::Max(max3, magnitudes(LoadVector(in + i + 3 * lanes)));
  }
  for (; count - i >= lanes; i += lanes) {
    max0 = hn::Max(max0, magnitudes(LoadVector(in + i)));
  }
  if (i < count) {
    max1 = hn::Max(max1, magnitudes(LoadPart(in + i, count - i, 0.0F)));
  }
  return MaxLane(hn::Max(hn::Max(max0, max1), hn::Max(max2, max3)));
}

uint32_t AbsMaxBits(std::span<const float> values, Sign sign) {
  switch (sign) {
    case Sign::kPositive:
      return MaxOf(values.data(), values.size(), OfPositives());
    case Sign::kNegative:
      return MaxOf(values.data(), values.size(), OfNegatives());
    default:
      return MaxOf(values.data(), values.size(), OfAnySign());
  }
}

// max[c] = the maximum of itself and the magnitudes in column c of kRows rows of `width` elements.
template <size_t kRows, class Magnitudes>
HWY_INLINE void MaxOverRows(const float* rows, size_t width, uint32_t* max, Magnitudes magnitudes) {
  const BitsTag d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; width - i >= lanes; i += lanes) {
    BitsVec bits = hn::LoadU(d, max + i);
    for (size_t r = 0; r < kRows; ++r) {
      bits = hn::Max(bits, magnitudes(LoadVector(rows + r * width + i)));
    }
    hn::StoreU(bits, d, max + i);
  }
  if (i < width) {
    BitsVec bits = hn::Zero(d);
    for (size_t r = 0; r < kRows; ++r) {
      bits = hn::Max(bits, magnitudes(LoadPart(rows + r * width + i, width - i, 0.0F)));
    }
    HWY_ALIGN uint32_t lane[hn::MaxLanes(d)];
    hn::Store(bits, d, lane);
    for (size_t j = 0; i + j < width; ++j) {
      max[i + j] = HWY_MAX(max[i + j], lane[j]);
    }
  }
}

// The same for a matrix that may end within a row.
template <class Magnitudes>
HWY_INLINE void MaxOverMatrix(const float* in, size_t count, size_t width, uint32_t* max,
                              Magnitudes magnitudes) {
  // Rows taken together save loads and stores of `max`; more of them would be more streams than prefetchers
  // follow well.
  constexpr size_t kRows = 4;
  for (; count >= kRows * width; in += kRows * width, count -= kRows * width) {
    MaxOverRows<kRows>(in, width, max, magnitudes);
  }
  for (; count >= width; in += width, count -= width) {
    MaxOverRows<1>(in, width, max, magnitudes);
  }
  MaxOverRows<1>(in, count, max, magnitudes);
}

template <class Magnitudes>
HWY_INLINE void MaxByColumn(const float* in, size_t count, size_t first_column, uint32_t* max, size_t width,
                            Magnitudes magnitudes) {
  if (width < kLongRow) {
    HWY_ALIGN uint32_t long_max[kLongRow];
    const size_t long_width = LongRowWidth(width, count);
    std::memset(long_max, 0, long_width * sizeof(uint32_t));
    MaxOverMatrix(in, count, long_width, long_max, magnitudes);
    size_t c = first_column;
    for (size_t i = 0; i < long_width; ++i) {
      max[c] = HWY_MAX(max[c], long_max[i]);
      c = c + 1 == width ? 0 : c + 1;
    }
    return;
  }

  const size_t head = first_column == 0 ? 0 : HWY_MIN(count, width - first_column);
  MaxOverRows<1>(in, head, max + first_column, magnitudes);
  MaxOverMatrix(in + head, count - head, width, max, magnitudes);
}

void AbsMaxBitsByColumn(std::span<const float> row_major, size_t first_column, std::span<uint32_t> columns,
                        Sign sign) {
  const float* in = row_major.data();
  const size_t count = row_major.size();
  uint32_t* max = columns.data();
  const size_t width = columns.size();
  if (count == 0) {
    return;
  }
  switch (sign) {
    case Sign::kPositive:
      return MaxByColumn(in, count, first_column, max, width, OfPositives());
    case Sign::kNegative:
      return MaxByColumn(in, count, first_column, max, width, OfNegatives());
    default:
      return MaxByColumn(in, count, first_column, max, width, OfAnySign());
  }
}

// ------------------------------ Quantization

// Where a row's scales and zero points come from: Load() and LoadPart() give those of the elements from i on.
struct One {
  float number;

  HWY_INLINE FloatVec Load(size_t /*i*/) const { return hn::Set(FloatTag(), number); }
  HWY_INLINE FloatVec LoadPart(size_t /*i*/, size_t /*count*/) const { return hn::Set(FloatTag(), number); }
};

struct OnePerElement {
  const float* numbers;

  HWY_INLINE FloatVec Load(size_t i) const { return LoadVector(numbers + i); }
  HWY_INLINE FloatVec LoadPart(size_t i, size_t count) const {
    return HWY_NAMESPACE::LoadPart(numbers + i, count, 1.0F);
  }
};

// NearestInt() saturates to int32 and DemoteTo() to int8, which together are the clip to -128 ... 127.
template <class Scales>
struct Symmetric {
  Scales scales;

  HWY_INLINE hn::Vec<Int8Tag> Codes(FloatVec values, FloatVec scale) const {
    return hn::DemoteTo(Int8Tag(), hn::NearestInt(hn::Div(values, scale)));
  }
  HWY_INLINE hn::Vec<Int8Tag> Quantize(FloatVec values, size_t i) const {
    return Codes(values, scales.Load(i));
  }
  HWY_INLINE hn::Vec<Int8Tag> QuantizePart(FloatVec values, size_t i, size_t count) const {
    return Codes(values, scales.LoadPart(i, count));
  }
};

// Zero points are added as floats: the sum is exact wherever it is not clipped.
template <class Scales>
struct Asymmetric {
  Scales scales;
  Scales zero_points;

  HWY_INLINE hn::Vec<Int8Tag> Codes(FloatVec values, FloatVec scale, FloatVec zero_point) const {
    const FloatVec code = hn::Add(hn::Round(hn::Div(values, scale)), zero_point);
    return hn::DemoteTo(Int8Tag(), hn::NearestInt(code));
  }
  HWY_INLINE hn::Vec<Int8Tag> Quantize(FloatVec values, size_t i) const {
    return Codes(values, scales.Load(i), zero_points.Load(i));
  }
  HWY_INLINE hn::Vec<Int8Tag> QuantizePart(FloatVec values, size_t i, size_t count) const {
    return Codes(values, scales.LoadPart(i, count), zero_points.LoadPart(i, count));
  }
};

// `later` is what will be read a little later than `in` and is to be prefetched meanwhile, as many elements.
template <class Quantizer>
HWY_INLINE void QuantizeSegment(const float* in, size_t count, Quantizer quantizer, int8_t* out,
                                const float* later) {
  const Int8Tag d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; count - i >= lanes; i += lanes) {
    hwy::Prefetch(later + i);
    hn::StoreU(quantizer.Quantize(LoadVector(in + i), i), d, out + i);
  }
  if (i < count) {
    HWY_ALIGN int8_t codes[hn::MaxLanes(d)];
    hn::Store(quantizer.QuantizePart(LoadPart(in + i, count - i, 0.0F), i, count - i), d, codes);
    std::memcpy(out + i, codes, count - i);
  }
}

template <class Quantizer>
HWY_INLINE void QuantizeSegment(const float* in, size_t count, Quantizer quantizer, int8_t* out) {
  QuantizeSegment(in, count, quantizer, out, in + kPrefetchAhead);
}

void QuantizeRow(std::span<const float> values, float scale, float zero_point, std::span<int8_t> out) {
  if (values.size() == 0) {
    return;  // the pointer may be null, from which no prefetch address can be computed
  }
  if (zero_point == 0.0F) {
    QuantizeSegment(values.data(), values.size(), Symmetric<One>{{scale}}, out.data());
  } else {
    QuantizeSegment(values.data(), values.size(), Asymmetric<One>{{scale}, {zero_point}}, out.data());
  }
}

// A matrix whose rows all have the same scales and zero points, and which may end within a row.
template <class Quantizer>
HWY_INLINE void QuantizeMatrix(const float* in, size_t count, Quantizer quantizer, size_t width,
                               int8_t* out) {
  for (; count >= width; in += width, out += width, count -= width) {
    QuantizeSegment(in, width, quantizer, out);
  }
  QuantizeSegment(in, count, quantizer, out);
}

// What stands in a row of several copies of the columns.
HWY_INLINE void RepeatColumns(const float* columns, size_t width, size_t first_column, float* row,
                              size_t row_width) {
  size_t c = first_column;
  for (size_t i = 0; i < row_width; ++i) {
    row[i] = columns[c];
    c = c + 1 == width ? 0 : c + 1;
  }
}

void QuantizeByColumn(std::span<const float> row_major, size_t first_column, std::span<const float> scales,
                      std::span<const float> zero_points, std::span<int8_t> out) {
  const float* in = row_major.data();
  const size_t count = row_major.size();
  const float* scale = scales.data();
  const float* zero = zero_points.data();
  const bool symmetric = zero_points.size() == 0;
  const size_t width = scales.size();
  int8_t* codes = out.data();
  if (count == 0) {
    return;
  }

  if (width < kLongRow) {
    HWY_ALIGN float long_scales[kLongRow];
    HWY_ALIGN float long_zeros[kLongRow];
    const size_t long_width = LongRowWidth(width, count);
    RepeatColumns(scale, width, first_column, long_scales, long_width);
    if (symmetric) {
      QuantizeMatrix(in, count, Symmetric<OnePerElement>{{long_scales}}, long_width, codes);
    } else {
      RepeatColumns(zero, width, first_column, long_zeros, long_width);
      QuantizeMatrix(in, count, Asymmetric<OnePerElement>{{long_scales}, {long_zeros}}, long_width, codes);
    }
    return;
  }

  const size_t head = first_column == 0 ? 0 : HWY_MIN(count, width - first_column);
  if (symmetric) {
    QuantizeSegment(in, head, Symmetric<OnePerElement>{{scale + first_column}}, codes);
    QuantizeMatrix(in + head, count - head, Symmetric<OnePerElement>{{scale}}, width, codes + head);
  } else {
    QuantizeSegment(in, head, Asymmetric<OnePerElement>{{scale + first_column}, {zero + first_column}},
                    codes);
    QuantizeMatrix(in + head, count - head, Asymmetric<OnePerElement>{{scale}, {zero}}, width, codes + head);
  }
}

// ------------------------------ Quantization with transposition

// A tile of codes that fits the first-level cache: read as long pieces of rows, written as whole cache lines
// of columns.
constexpr size_t kTileRows = 64;
constexpr size_t kTileCols = 256;

// As kPrefetchAhead, but in pieces of rows.
constexpr size_t kPrefetchRows = 8;

// The side of the squares that are transposed in registers, in bytes, and how many of them a vector has room
// for. They lie beneath each other: a vector has, of as many rows that are kSide apart, one piece each.
constexpr size_t kSide = 16;
using SideTag = hn::CappedTag<int8_t, kSide>;
using SidesTag = hn::CappedTag<int8_t, kTileRows>;
constexpr size_t kSides = HWY_HAVE_SCALABLE ? 1 : HWY_MAX(hn::MaxLanes(SidesTag()) / kSide, 1);
constexpr size_t kGroupRows = kSide * kSides;

// Where the code of a row and a column stands in a tile: groups of kGroupRows rows; in a group, kSide columns
// after the other; of these, the pieces of the rows as vectors take them.
HWY_INLINE size_t PlaceInTile(size_t row, size_t col) {
  const size_t in_group = row % kGroupRows;
  return row / kGroupRows * kGroupRows * kTileCols + col / kSide * kSide * kGroupRows +
         in_group % kSide * kGroupRows + in_group / kSide * kSide + col % kSide;
}

// Quantizes a piece of a row into its places. `later` as in QuantizeSegment().
template <class Quantizer>
HWY_INLINE void QuantizeIntoTile(const float* in, size_t count, Quantizer quantizer, int8_t* row,
                                 const float* later) {
  const Int8Tag d;
  const size_t lanes = hn::Lanes(d);
  constexpr bool kFits = hn::MaxLanes(Int8Tag()) <= kSide;  // a vector of codes stays in one square
  HWY_ALIGN int8_t codes[hn::MaxLanes(d)];
  size_t i = 0;
  for (; count - i >= lanes; i += lanes) {
    hwy::Prefetch(later + i);
    const auto vector = quantizer.Quantize(LoadVector(in + i), i);
    if constexpr (kFits) {
      hn::StoreU(vector, d, row + PlaceInTile(0, i));
    } else {
      hn::Store(vector, d, codes);
      for (size_t k = 0; k < lanes; ++k) {
        row[PlaceInTile(0, i + k)] = codes[k];
      }
    }
  }
  if (i < count) {
    hn::Store(quantizer.QuantizePart(LoadPart(in + i, count - i, 0.0F), i, count - i), d, codes);
    for (size_t k = 0; i + k < count; ++k) {
      row[PlaceInTile(0, i + k)] = codes[k];
    }
  }
}

// For each square of a vector, to[c * to_stride + r] = from[r * from_stride + c] for r and c below kSide; the
// squares lie side by side in `from`, and beneath each other in what they are transposed from.
template <class D>
HWY_INLINE void TransposeSquares(D d, const int8_t* from, size_t from_stride, int8_t* to, size_t to_stride) {
  hn::Vec<D> a[kSide];
  hn::Vec<D> b[kSide];
  for (size_t r = 0; r < kSide; ++r) {
    a[r] = hn::LoadU(d, from + r * from_stride);
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

// Writes the columns of a tile.
HWY_INLINE void TransposeTile(const int8_t* tile, size_t rows, size_t cols, int8_t* out, size_t out_stride) {
  const size_t group_rows = rows / kGroupRows * kGroupRows;
  const size_t square_rows = rows / kSide * kSide;
  const size_t square_cols = cols / kSide * kSide;
  for (size_t c = 0; c < square_cols; c += kSide) {
    int8_t* column = out + c * out_stride;
    for (size_t r = 0; r < group_rows; r += kGroupRows) {
      if constexpr (kSides > 1) {
        TransposeSquares(SidesTag(), tile + PlaceInTile(r, c), kGroupRows, column + r, out_stride);
      } else {
        TransposeSquares(SideTag(), tile + PlaceInTile(r, c), kGroupRows, column + r, out_stride);
      }
    }
    for (size_t r = group_rows; r < square_rows; r += kSide) {
      TransposeSquares(SideTag(), tile + PlaceInTile(r, c), kGroupRows, column + r, out_stride);
    }
  }
  for (size_t c = 0; c < cols; ++c) {
    for (size_t r = c < square_cols ? square_rows : 0; r < rows; ++r) {
      out[c * out_stride + r] = tile[PlaceInTile(r, c)];
    }
  }
}

// `quantizer_of(r)` quantizes row r.
template <class QuantizerOf>
HWY_INLINE void QuantizeRowsTransposed(const float* in, size_t rows, size_t cols, QuantizerOf quantizer_of,
                                       int8_t* out, size_t out_stride) {
  HWY_ALIGN int8_t tile[kTileRows * kTileCols];
  for (size_t r0 = 0; r0 < rows; r0 += kTileRows) {
    const size_t tile_rows = HWY_MIN(kTileRows, rows - r0);
    for (size_t c0 = 0; c0 < cols; c0 += kTileCols) {
      const size_t tile_cols = HWY_MIN(kTileCols, cols - c0);
      const float* corner = in + r0 * cols + c0;
      const float* next_corner = c0 + kTileCols < cols ? corner + kTileCols : in + (r0 + tile_rows) * cols;
      for (size_t r = 0; r < tile_rows; ++r) {
        const size_t later = r + kPrefetchRows;
        QuantizeIntoTile(
            corner + r * cols, tile_cols, quantizer_of(r0 + r), tile + PlaceInTile(r, 0),
            later < tile_rows ? corner + later * cols : next_corner + (later - tile_rows) * cols);
      }
      TransposeTile(tile, tile_rows, tile_cols, out + c0 * out_stride + r0, out_stride);
    }
  }
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

#endif

}  // namespace HWY_NAMESPACE
}  // namespace qi8::kernels
HWY_AFTER_NAMESPACE();

#endif  // QI8_KERNELS_INL
