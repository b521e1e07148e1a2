// The SIMD bodies of quantization in the order of storage.

// Not #pragma once: Highway flips HWY_TARGET_TOGGLE to let the file in again for the next target.
#if defined(QI8_KERNELS_QUANTIZE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef QI8_KERNELS_QUANTIZE_INL
#undef QI8_KERNELS_QUANTIZE_INL
#else
#define QI8_KERNELS_QUANTIZE_INL
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

// Numbers() gives codes that may still lie beyond -128 ... 127: NearestInt() saturates to int32, and whoever
// narrows them saturates on. Quotients() gives them less by Offset(), for those who add it where numbers are
// narrow.
template <class Scales>
struct Symmetric {
  static constexpr bool kHasOffset = false;

  Scales scales;

  HWY_INLINE IntVec Quotients(FloatVec values, size_t i) const {
    return hn::NearestInt(hn::Div(values, scales.Load(i)));
  }
  HWY_INLINE IntVec Numbers(FloatVec values, size_t i) const { return Quotients(values, i); }
  HWY_INLINE IntVec NumbersPart(FloatVec values, size_t i, size_t count) const {
    return hn::NearestInt(hn::Div(values, scales.LoadPart(i, count)));
  }
  HWY_INLINE IntVec Offset(size_t /*i*/) const { return hn::Zero(SignedBitsTag()); }
};

// Zero points are added as floats: the sum is exact wherever it is not clipped.
template <class Scales>
struct Asymmetric {
  static constexpr bool kHasOffset = true;

  Scales scales;
  Scales zero_points;

  HWY_INLINE IntVec Shifted(FloatVec values, FloatVec scale, FloatVec zero_point) const {
    return hn::NearestInt(hn::Add(hn::Round(hn::Div(values, scale)), zero_point));
  }
  HWY_INLINE IntVec Quotients(FloatVec values, size_t i) const {
    return hn::NearestInt(hn::Div(values, scales.Load(i)));
  }
  HWY_INLINE IntVec Numbers(FloatVec values, size_t i) const {
    return Shifted(values, scales.Load(i), zero_points.Load(i));
  }
  HWY_INLINE IntVec NumbersPart(FloatVec values, size_t i, size_t count) const {
    return Shifted(values, scales.LoadPart(i, count), zero_points.LoadPart(i, count));
  }
  HWY_INLINE IntVec Offset(size_t i) const { return hn::NearestInt(zero_points.Load(i)); }
};

// How many elements ahead of each stream to fetch. `kernels_bench`, 50257 columns: without 74 % of reading,
// 512 elements 87 %, 1024 90 %, 4096 78 %.
constexpr size_t kRowAhead = 1024;

// `count` elements of each of kRows rows, a vector of each in turn. The rows are `stride` elements apart,
// their codes `out_stride`. `quantizer_of(r)` is the quantizer of row r.
template <size_t kRows, class QuantizerOf>
HWY_INLINE void QuantizeRows(const float* in, size_t stride, size_t count, QuantizerOf quantizer_of,
                             int8_t* out, size_t out_stride) {
  const Int8Tag d;
  const size_t lanes = hn::Lanes(d);
  const auto quantize_vectors = [=](size_t i) HWY_ATTR {
    hn::Vec<Int8Tag> codes[kRows];  // stored together, so that scales which rows share are loaded once
    for (size_t r = 0; r < kRows; ++r) {
      const float* const values = in + r * stride + i;
      PrefetchToSecondLevel(values + kRowAhead);
      codes[r] = hn::DemoteTo(d, quantizer_of(r).Numbers(LoadVector(values), i));
    }
    for (size_t r = 0; r < kRows; ++r) {
      hn::StoreU(codes[r], d, out + r * out_stride + i);
    }
  };
  size_t i = 0;
  for (; count - i >= lanes; i += lanes) {
    quantize_vectors(i);
  }
  if (i == count) {
    return;
  }
  if (count >= lanes) {  // the last whole vectors, a part of which is written again
    quantize_vectors(count - lanes);
    return;
  }
  for (size_t r = 0; r < kRows; ++r) {
    HWY_ALIGN int8_t codes[hn::MaxLanes(d)];
    const FloatVec values = LoadPart(in + r * stride, count, 0.0F);
    hn::Store(hn::DemoteTo(d, quantizer_of(r).NumbersPart(values, 0, count)), d, codes);
    std::memcpy(out + r * out_stride, codes, count);
  }
}

// A run of elements, as kStreams rows. `quantizer_from(i)` is the quantizer of the elements from i on.
template <class QuantizerFrom>
HWY_INLINE void QuantizeRun(const float* in, size_t count, QuantizerFrom quantizer_from, int8_t* out) {
  const size_t lanes = hn::Lanes(Int8Tag());
  const size_t row = count / kStreams / lanes * lanes;
  const size_t rest = kStreams * row;
  if (row > 0) {
    QuantizeRows<kStreams>(
        in, row, row, [=](size_t r) HWY_ATTR { return quantizer_from(r * row); }, out, row);
  }
  QuantizeRows<1>(
      in + rest, 0, count - rest, [=](size_t /*r*/) HWY_ATTR { return quantizer_from(rest); }, out + rest, 0);
}

// A matrix whose rows have scales of their own. Its rows are taken as kStreams bands, a row of each at a
// time. `quantizer_of(r)` is the quantizer of row r.
template <class QuantizerOf>
HWY_INLINE void QuantizeEachRow(const float* in, size_t rows, size_t width, QuantizerOf quantizer_of,
                                int8_t* out) {
  const size_t band = rows / kStreams;
  for (size_t r = 0; r < band; ++r) {
    QuantizeRows<kStreams>(
        in + r * width, band * width, width, [=](size_t k) HWY_ATTR { return quantizer_of(r + k * band); },
        out + r * width, band * width);
  }
  for (size_t r = kStreams * band; r < rows; ++r) {
    QuantizeRun(
        in + r * width, width, [=](size_t /*i*/) HWY_ATTR { return quantizer_of(r); }, out + r * width);
  }
}

void QuantizeByRow(std::span<const float> row_major, std::span<const float> scales,
                   std::span<const float> zero_points, std::span<int8_t> out) {
  const size_t rows = scales.size();
  if (rows == 0) {
    return;
  }
  const size_t width = row_major.size() / rows;
  const float* scale = scales.data();
  const float* zero = zero_points.data();
  if (zero_points.size() == 0) {
    const auto symmetric = [scale](size_t r) HWY_ATTR { return Symmetric<One>{{scale[r]}}; };
    QuantizeEachRow(row_major.data(), rows, width, symmetric, out.data());
  } else {
    const auto asymmetric = [scale, zero](size_t r) HWY_ATTR {
      return Asymmetric<One>{{scale[r]}, {zero[r]}};
    };
    QuantizeEachRow(row_major.data(), rows, width, asymmetric, out.data());
  }
}

// A matrix whose rows all have the same scales and zero points, and which may end within a row. Its rows are
// taken as kStreams bands, a row of each at a time.
template <class QuantizerFrom>
HWY_INLINE void QuantizeMatrix(const float* in, size_t count, size_t width, QuantizerFrom quantizer_from,
                               int8_t* out) {
  const size_t band = count / width / kStreams * width;
  for (size_t i = 0; i < band; i += width) {
    QuantizeRows<kStreams>(
        in + i, band, width, [=](size_t /*r*/) HWY_ATTR { return quantizer_from(0); }, out + i, band);
  }
  size_t i = kStreams * band;
  for (; count - i >= width; i += width) {
    QuantizeRun(in + i, width, quantizer_from, out + i);
  }
  QuantizeRun(in + i, count - i, quantizer_from, out + i);
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

  const auto symmetric_from = [](const float* of_columns) HWY_ATTR {
    return [of_columns](size_t c) HWY_ATTR { return Symmetric<OnePerElement>{{of_columns + c}}; };
  };
  const auto asymmetric_from = [](const float* of_columns, const float* zeros) HWY_ATTR {
    return [of_columns, zeros](size_t c) HWY_ATTR {
      return Asymmetric<OnePerElement>{{of_columns + c}, {zeros + c}};
    };
  };
  if (width < kLongRow) {
    HWY_ALIGN float long_scales[kLongRow];
    HWY_ALIGN float long_zeros[kLongRow];
    const size_t long_width = LongRowWidth(width, count);
    RepeatColumns(scale, width, first_column, long_scales, long_width);
    if (symmetric) {
      QuantizeMatrix(in, count, long_width, symmetric_from(long_scales), codes);
    } else {
      RepeatColumns(zero, width, first_column, long_zeros, long_width);
      QuantizeMatrix(in, count, long_width, asymmetric_from(long_scales, long_zeros), codes);
    }
    return;
  }

  const size_t head = first_column == 0 ? 0 : HWY_MIN(count, width - first_column);
  if (symmetric) {
    QuantizeRun(in, head, symmetric_from(scale + first_column), codes);
    QuantizeMatrix(in + head, count - head, width, symmetric_from(scale), codes + head);
  } else {
    QuantizeRun(in, head, asymmetric_from(scale + first_column, zero + first_column), codes);
    QuantizeMatrix(in + head, count - head, width, asymmetric_from(scale, zero), codes + head);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace qi8::kernels
HWY_AFTER_NAMESPACE();

#endif  // QI8_KERNELS_QUANTIZE_INL
