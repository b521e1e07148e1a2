// The SIMD bodies of quantization in the order of storage.

// Not #pragma once: Highway flips HWY_TARGET_TOGGLE to let the file in again for the next target.
#if defined(QI8_KERNELS_QUANTIZE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef QI8_KERNELS_QUANTIZE_INL
#undef QI8_KERNELS_QUANTIZE_INL
#else
#define QI8_KERNELS_QUANTIZE_INL
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
  if (i == count) {
    return;
  }
  if (count >= lanes) {  // the last whole vector, a part of which is written again
    i = count - lanes;
    hn::StoreU(quantizer.Quantize(LoadVector(in + i), i), d, out + i);
    return;
  }
  HWY_ALIGN int8_t codes[hn::MaxLanes(d)];
  hn::Store(quantizer.QuantizePart(LoadPart(in, count, 0.0F), 0, count), d, codes);
  std::memcpy(out, codes, count);
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

}  // namespace HWY_NAMESPACE
}  // namespace qi8::kernels
HWY_AFTER_NAMESPACE();

#endif  // QI8_KERNELS_QUANTIZE_INL
