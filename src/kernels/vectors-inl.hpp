// What the SIMD bodies share: vectors of floats, odd ends of rows, how far to prefetch.

// Not #pragma once: Highway flips HWY_TARGET_TOGGLE to let the file in again for the next target.
#if defined(QI8_KERNELS_VECTORS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef QI8_KERNELS_VECTORS_INL
#undef QI8_KERNELS_VECTORS_INL
#else
#define QI8_KERNELS_VECTORS_INL
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

HWY_BEFORE_NAMESPACE();
namespace qi8::kernels {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
using BitsTag = hn::RebindToUnsigned<FloatTag>;
using SignedBitsTag = hn::RebindToSigned<FloatTag>;
using Int8Tag = hn::Rebind<int8_t, FloatTag>;
using FloatVec = hn::Vec<FloatTag>;
using BitsVec = hn::Vec<BitsTag>;
using IntVec = hn::Vec<SignedBitsTag>;

// Rows narrower than this are handled several at a time, as one row of several copies of the columns. It is
// long enough to make the odd elements at its end not matter, and short enough to stay in the first-level
// cache.
constexpr size_t kLongRow = 1024;

constexpr size_t kCacheLine = 64 / sizeof(float);

// The length of a long row, which is a whole number of times `columns` (> 0), and of cache lines too where
// that fits, so that if the first row is aligned, all are; `count` if there are no more elements.
HWY_INLINE size_t LongRowWidth(size_t columns, size_t count) {
  size_t unit = columns;
  while (unit % kCacheLine != 0 && 2 * unit <= kLongRow) {
    unit *= 2;
  }
  return HWY_MIN(count, kLongRow / unit * unit);
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

// How many places memory is read at in turn. Hardware prefetchers follow each of a few streams, and stop at
// the end of its 4 KiB page; several streams keep more reads under way than one. Of one, two, four and eight,
// four were fastest.
constexpr size_t kStreams = 4;

// Fewer rows than two for each stream are taken all at once: one that is left over from bands would be a
// single stream, and what belongs to columns be loaded once more.
constexpr size_t kManyRows = 2 * kStreams;

// Calls `take` with the number of rows, less than kManyRows, as a constant; if there are any.
template <size_t kRows = 1, class Take>
HWY_INLINE void TakeFewRows(size_t rows, const Take& take) {
  if (rows == kRows) {
    take(std::integral_constant<size_t, kRows>());
  } else if constexpr (kRows + 1 < kManyRows) {
    TakeFewRows<kRows + 1>(rows, take);
  }
}

// How many rows each of the streams has as bands; rows that are left over are fewer than kManyRows.
HWY_INLINE size_t BandRows(size_t rows) { return rows < kManyRows ? 0 : rows / kStreams; }

// How many elements ahead of each stream to fetch. `kernels_bench`, 1024 columns with scales of their own:
// 128 elements 21.2 GiB/s, 320 26.4, 576 29.1, 1024 24.7.
constexpr size_t kRowAhead = 576;

// What is to be read soon, into the first-level cache: kernels that do much between reads do not keep enough
// of them under way by themselves. Beyond the end of the input it is harmless.
HWY_INLINE void PrefetchSoon(const void* from) {
#if HWY_COMPILER_GCC || HWY_COMPILER_CLANG
  constexpr int kRead = 0;
  constexpr int kFirstLevel = 3;
  __builtin_prefetch(from, kRead, kFirstLevel);
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace qi8::kernels
HWY_AFTER_NAMESPACE();

#endif  // QI8_KERNELS_VECTORS_INL
