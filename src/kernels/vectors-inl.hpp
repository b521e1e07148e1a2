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

}  // namespace HWY_NAMESPACE
}  // namespace qi8::kernels
HWY_AFTER_NAMESPACE();

#endif  // QI8_KERNELS_VECTORS_INL
