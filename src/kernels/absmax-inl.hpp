// The SIMD bodies of the largest magnitudes.

// Not #pragma once: Highway flips HWY_TARGET_TOGGLE to let the file in again for the next target.
#if defined(QI8_KERNELS_ABSMAX_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef QI8_KERNELS_ABSMAX_INL
#undef QI8_KERNELS_ABSMAX_INL
#else
#define QI8_KERNELS_ABSMAX_INL
#endif

#include <hwy/cache_control.h>
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
  if (i == width) {
    return;
  }
  if (width >= lanes) {  // the last whole vector, a part of which is looked at again
    i = width - lanes;
    BitsVec bits = hn::LoadU(d, max + i);
    for (size_t r = 0; r < kRows; ++r) {
      bits = hn::Max(bits, magnitudes(LoadVector(rows + r * width + i)));
    }
    hn::StoreU(bits, d, max + i);
    return;
  }
  BitsVec bits = hn::Zero(d);
  for (size_t r = 0; r < kRows; ++r) {
    bits = hn::Max(bits, magnitudes(LoadPart(rows + r * width, width, 0.0F)));
  }
  HWY_ALIGN uint32_t lane[hn::MaxLanes(d)];
  hn::Store(bits, d, lane);
  for (i = 0; i < width; ++i) {
    max[i] = HWY_MAX(max[i], lane[i]);
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

}  // namespace HWY_NAMESPACE
}  // namespace qi8::kernels
HWY_AFTER_NAMESPACE();

#endif  // QI8_KERNELS_ABSMAX_INL
