// The SIMD bodies of the largest magnitudes.

// Not #pragma once: Highway flips HWY_TARGET_TOGGLE to let the file in again for the next target.
#if defined(QI8_KERNELS_ABSMAX_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef QI8_KERNELS_ABSMAX_INL
#undef QI8_KERNELS_ABSMAX_INL
#else
#define QI8_KERNELS_ABSMAX_INL
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "kernels/kernels.hpp"
#include "kernels/vectors-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace qi8::kernels {
namespace HWY_NAMESPACE {

// Magnitudes of the numbers that count, see Sign.
struct OfAnySign {
  HWY_INLINE BitsVec operator()(FloatVec values) const {
    const BitsTag d;
    return hn::And(hn::BitCast(d, values), hn::Set(d, 0x7fffffffU));
  }
};
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

// max[r] = the largest magnitude in row r of kRows rows of `width` elements, `stride` elements apart.
template <size_t kRows, class Magnitudes>
HWY_INLINE void MaxOfRows(const float* rows, size_t stride, size_t width, Magnitudes magnitudes,
                          uint32_t* max, size_t max_stride) {
  const size_t lanes = hn::Lanes(FloatTag());
  BitsVec bits[kRows];
  for (BitsVec& of_row : bits) {
    of_row = hn::Zero(BitsTag());
  }
  size_t i = 0;
  for (; width - i >= lanes; i += lanes) {
    for (size_t r = 0; r < kRows; ++r) {
      bits[r] = hn::Max(bits[r], magnitudes(LoadVector(rows + r * stride + i)));
    }
  }
  for (size_t r = 0; r < kRows; ++r) {
    if (i < width) {
      bits[r] = hn::Max(bits[r], magnitudes(LoadPart(rows + r * stride + i, width - i, 0.0F)));
    }
    max[r * max_stride] = MaxLane(bits[r]);
  }
}

// A run of elements, as kStreams rows.
template <class Magnitudes>
HWY_INLINE uint32_t MaxOfRun(const float* in, size_t count, Magnitudes magnitudes) {
  const size_t row = count / kStreams;
  uint32_t max[kStreams + 1];
  MaxOfRows<kStreams>(in, row, row, magnitudes, max, 1);
  MaxOfRows<1>(in + kStreams * row, 0, count - kStreams * row, magnitudes, max + kStreams, 1);
  return HWY_MAX(HWY_MAX(HWY_MAX(max[0], max[1]), HWY_MAX(max[2], max[3])), max[4]);
}

template <class Magnitudes>
HWY_INLINE void MaxByRow(const float* in, size_t width, uint32_t* max, size_t rows, Magnitudes magnitudes) {
  const size_t band = rows / kStreams;
  for (size_t r = 0; r < band; ++r) {
    MaxOfRows<kStreams>(in + r * width, band * width, width, magnitudes, max + r, band);
  }
  for (size_t r = kStreams * band; r < rows; ++r) {
    max[r] = MaxOfRun(in + r * width, width, magnitudes);
  }
}

void AbsMaxBitsByRow(std::span<const float> row_major, std::span<uint32_t> rows, Sign sign) {
  const float* in = row_major.data();
  uint32_t* max = rows.data();
  const size_t count = rows.size();
  if (count == 0) {
    return;
  }
  const size_t width = row_major.size() / count;
  switch (sign) {
    case Sign::kPositive:
      return MaxByRow(in, width, max, count, OfPositives());
    case Sign::kNegative:
      return MaxByRow(in, width, max, count, OfNegatives());
    default:
      return MaxByRow(in, width, max, count, OfAnySign());
  }
}

// max[c] = the maximum of itself and the magnitudes in column c of kRows rows of `width` elements, `stride`
// elements apart.
template <size_t kRows, class Magnitudes>
HWY_INLINE void MaxOverRows(const float* rows, size_t stride, size_t width, uint32_t* max,
                            Magnitudes magnitudes) {
  const BitsTag d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; width - i >= lanes; i += lanes) {
    BitsVec bits = hn::LoadU(d, max + i);
    for (size_t r = 0; r < kRows; ++r) {
      const float* const values = rows + r * stride + i;
      PrefetchSoon(values + kRowAhead);
      bits = hn::Max(bits, magnitudes(LoadVector(values)));
    }
    hn::StoreU(bits, d, max + i);
  }
  if (i == width) {
    return;
  }
  if (width >= lanes) {  // the last whole vector, a part of which is looked at again
    i = width - lanes;
    BitsVec bits = hn::LoadU(d, max + i);
    for (size_t r = 0; r < kRows; ++r) {
      bits = hn::Max(bits, magnitudes(LoadVector(rows + r * stride + i)));
    }
    hn::StoreU(bits, d, max + i);
    return;
  }
  BitsVec bits = hn::Zero(d);
  for (size_t r = 0; r < kRows; ++r) {
    bits = hn::Max(bits, magnitudes(LoadPart(rows + r * stride, width, 0.0F)));
  }
  HWY_ALIGN uint32_t lane[hn::MaxLanes(d)];
  hn::Store(bits, d, lane);
  for (i = 0; i < width; ++i) {
    max[i] = HWY_MAX(max[i], lane[i]);
  }
}

// The same for a matrix that may end within a row. Its rows are taken as kStreams bands, a row of each at a
// time.
template <class Magnitudes>
HWY_INLINE void MaxOverMatrix(const float* in, size_t count, size_t width, uint32_t* max,
                              Magnitudes magnitudes) {
  const size_t rows = count / width;
  const size_t band = BandRows(rows);
  for (size_t r = 0; r < band; ++r) {
    MaxOverRows<kStreams>(in + r * width, band * width, width, max, magnitudes);
  }
  const size_t done = kStreams * band;
  TakeFewRows(rows - done, [&](auto few) HWY_ATTR {
    MaxOverRows<decltype(few)::value>(in + done * width, width, width, max, magnitudes);
  });
  MaxOverRows<1>(in + rows * width, width, count - rows * width, max, magnitudes);
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
  MaxOverRows<1>(in, width, head, max + first_column, magnitudes);
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

}  // namespace HWY_NAMESPACE
}  // namespace qi8::kernels
HWY_AFTER_NAMESPACE();

#endif  // QI8_KERNELS_ABSMAX_INL
