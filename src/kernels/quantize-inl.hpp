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
#include "kernels/quantizer-inl.hpp"
#include "kernels/vectors-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace qi8::kernels {
namespace HWY_NAMESPACE {

// Where the quantizers of a matrix come from: At() gives that of row r and the columns from i on, PartAt()
// that of so many columns, fewer than a vector has.

template <class Quantizer, size_t kRows>
struct OneEachRow {
  Quantizer of_row[kRows];

  HWY_INLINE Quantizer At(size_t r, size_t /*i*/) const { return of_row[r]; }
  HWY_INLINE Quantizer PartAt(size_t r, size_t /*i*/, size_t /*count*/) const { return of_row[r]; }
};

struct DividedColumns {
  const float* scales;
  const float* zero_points;

  HWY_INLINE Channels Load(size_t i) const { return {LoadVector(scales + i), LoadVector(zero_points + i)}; }
  HWY_INLINE Channels LoadPart(size_t i, size_t count) const {
    return {HWY_NAMESPACE::LoadPart(scales + i, count, 1.0F),
            HWY_NAMESPACE::LoadPart(zero_points + i, count, 0.0F)};
  }
  HWY_INLINE DividingQuantizer At(size_t /*r*/, size_t i) const { return DividingQuantizer(Load(i)); }
  HWY_INLINE DividingQuantizer PartAt(size_t /*r*/, size_t i, size_t count) const {
    return DividingQuantizer(LoadPart(i, count));
  }
};

struct InvertedColumns {
  DividedColumns columns;
  const float* inverses;
  const float* rests;

  HWY_INLINE InvertingQuantizer At(size_t /*r*/, size_t i) const {
    return {columns.Load(i), {LoadVector(inverses + i), LoadVector(rests + i)}};
  }
  HWY_INLINE InvertingQuantizer PartAt(size_t /*r*/, size_t i, size_t count) const {
    return {columns.LoadPart(i, count),
            {LoadPart(inverses + i, count, 1.0F), LoadPart(rests + i, count, 0.0F)}};
  }
};

HWY_INLINE void StoreCodes(IntVec codes, int8_t* to) {
  const Int8Tag d;
  hn::StoreU(hn::DemoteTo(d, codes), d, to);
}

// Quantizes the first `count` elements of kRows rows, a vector of each row in turn. A row begins `stride`
// elements after the one before it, and its codes `out_stride` elements.
template <size_t kRows, class Quantizers>
HWY_INLINE void QuantizeRows(const float* in, size_t stride, size_t count, const Quantizers& quantizers,
                             int8_t* out, size_t out_stride) {
  const size_t lanes = hn::Lanes(FloatTag());
  const auto quantize_vectors = [&](size_t i) HWY_ATTR {
    IntVec codes[kRows];  // stored together, so that what rows share is loaded once
    for (size_t r = 0; r < kRows; ++r) {
      const float* const values = in + r * stride + i;
      PrefetchSoon(values + kRowAhead);
      codes[r] = quantizers.At(r, i).Codes(LoadVector(values));
    }
    for (size_t r = 0; r < kRows; ++r) {
      StoreCodes(codes[r], out + r * out_stride + i);
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
    HWY_ALIGN int8_t codes[hn::MaxLanes(FloatTag())];
    const FloatVec values = LoadPart(in + r * stride, count, 0.0F);
    StoreCodes(quantizers.PartAt(r, 0, count).Codes(values), codes);
    std::memcpy(out + r * out_stride, codes, count);
  }
}

// The scales and zero points of rows; without zero points, all are 0.
struct RowParameters {
  const float* scales;
  const float* zero_points;

  HWY_INLINE float ZeroPoint(size_t r) const { return zero_points == nullptr ? 0.0F : zero_points[r]; }
  HWY_INLINE RowParameters From(size_t r) const {
    return {scales + r, zero_points == nullptr ? nullptr : zero_points + r};
  }
  template <class Quantizer>
  HWY_INLINE Quantizer Of(size_t r) const {
    return Quantizer(scales[r], ZeroPoint(r));
  }
};

static_assert(kStreams == 4, "four quantizers are named where streams are");

// Calls `quantize` with the quantizers of four rows, the first and those `step`, 2 * `step`, 3 * `step` on.
template <class Quantize>
HWY_INLINE void WithQuantizers(RowParameters rows, size_t step, Quantize quantize) {
  bool invertible = true;
  for (size_t r = 0; r < kStreams; ++r) {
    invertible = invertible && IsInvertible(rows.scales[r * step]);
  }
  const auto of_kind = [&](auto kind) HWY_ATTR {
    using Quantizer = typename decltype(kind)::Type;
    quantize(OneEachRow<Quantizer, kStreams>{
        {rows.template Of<Quantizer>(0), rows.template Of<Quantizer>(step),
         rows.template Of<Quantizer>(2 * step), rows.template Of<Quantizer>(3 * step)}});
  };
  if (invertible) {
    of_kind(Kind<InvertingQuantizer>());
  } else {
    of_kind(Kind<DividingQuantizer>());
  }
}

// Quantizes kStreams bands of `band` rows each, one row of every band at a time. A row begins `stride`
// elements after the one before it, and its codes `out_stride` elements.
HWY_INLINE void QuantizeBandsByRow(const float* in, size_t stride, size_t band, size_t width,
                                   RowParameters rows, int8_t* out, size_t out_stride) {
  for (size_t r = 0; r < band; ++r) {
    WithQuantizers(rows.From(r), band, [=](const auto& quantizers) HWY_ATTR {
      QuantizeRows<kStreams>(in + r * stride, band * stride, width, quantizers, out + r * out_stride,
                             band * out_stride);
    });
  }
}

// Rows that are left over from bands are taken as kStreams pieces.
void QuantizeByRow(std::span<const float> row_major, std::span<const float> scales,
                   std::span<const float> zero_points, std::span<int8_t> out) {
  const size_t count = scales.size();
  if (count == 0) {
    return;
  }
  const size_t width = row_major.size() / count;
  const RowParameters rows = {scales.data(), zero_points.size() == 0 ? nullptr : zero_points.data()};
  const size_t band = count / kStreams;
  QuantizeBandsByRow(row_major.data(), width, band, width, rows, out.data(), width);
  const size_t piece = width / kStreams;
  const size_t rest = width - kStreams * piece;
  for (size_t r = kStreams * band; r < count; ++r) {
    const float* const in = row_major.data() + r * width;
    int8_t* const codes = out.data() + r * width;
    WithQuantizers(rows.From(r), 0, [=](const auto& quantizers) HWY_ATTR {
      QuantizeRows<kStreams>(in, piece, piece, quantizers, codes, piece);
    });
    QuantizeRows<1>(in + width - rest, 0, rest,
                    OneEachRow<DividingQuantizer, 1>{{rows.Of<DividingQuantizer>(r)}}, codes + width - rest,
                    0);
  }
}

// `rows` rows of the columns, `stride` elements apart, as bands.
template <class Columns>
HWY_INLINE void QuantizeBands(const float* in, size_t rows, size_t stride, size_t width,
                              const Columns& columns, int8_t* out) {
  const size_t band = BandRows(rows);
  for (size_t r = 0; r < band; ++r) {
    QuantizeRows<kStreams>(in + r * stride, band * stride, width, columns, out + r * stride, band * stride);
  }
  const size_t done = kStreams * band;
  TakeFewRows(rows - done, [&](auto few) HWY_ATTR {
    QuantizeRows<decltype(few)::value>(in + done * stride, stride, width, columns, out + done * stride,
                                       stride);
  });
}

// Columns whose inverses are kept at a time: enough that rows of usual widths are read in one run.
constexpr size_t kBlockColumns = 4096;

// What columns without zero points have in their place.
HWY_ALIGN constexpr float kNoZeroPoints[kBlockColumns] = {};

// From so many rows on, inverses are worth the two divisions that they take.
constexpr size_t kRowsToInvert = 8;

// `rows` rows of at most kBlockColumns columns.
HWY_INLINE void QuantizeColumns(const float* in, size_t rows, size_t stride, size_t width,
                                DividedColumns columns, int8_t* out) {
  const FloatTag d;
  const size_t lanes = hn::Lanes(d);
  HWY_ALIGN float inverses[kBlockColumns + hn::MaxLanes(d)];
  HWY_ALIGN float rests[kBlockColumns + hn::MaxLanes(d)];
  bool invertible = rows >= kRowsToInvert;
  for (size_t i = 0; invertible && i < width; i += lanes) {
    const FloatVec scales =
        width - i >= lanes ? LoadVector(columns.scales + i) : LoadPart(columns.scales + i, width - i, 1.0F);
    const Inverse inverse = Invert(scales);
    hn::Store(inverse.inverse, d, inverses + i);
    hn::Store(inverse.rest, d, rests + i);
    invertible = AreInvertible(scales);
  }
  if (invertible) {
    QuantizeBands(in, rows, stride, width, InvertedColumns{columns, inverses, rests}, out);
  } else {
    QuantizeBands(in, rows, stride, width, columns, out);
  }
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
  size_t width = scales.size();
  DividedColumns columns = {scales.data(), zero_points.data()};
  const bool has_zero_points = zero_points.size() != 0;
  HWY_ALIGN float long_scales[kLongRow];
  HWY_ALIGN float long_zero_points[kLongRow];
  if (row_major.size() == 0) {
    return;
  }
  if (width < kLongRow) {
    const size_t long_width = LongRowWidth(width, row_major.size());
    RepeatColumns(columns.scales, width, first_column, long_scales, long_width);
    if (has_zero_points) {
      RepeatColumns(columns.zero_points, width, first_column, long_zero_points, long_width);
    }
    columns = {long_scales, long_zero_points};
    width = long_width;
    first_column = 0;
  }

  const float* in = row_major.data();
  const float* const end = in + row_major.size();
  int8_t* codes = out.data();
  const auto quantize = [&](size_t rows, size_t first, size_t last) HWY_ATTR {
    for (size_t c = first; c < last; c += kBlockColumns) {
      const DividedColumns block = {columns.scales + c,
                                    has_zero_points ? columns.zero_points + c : kNoZeroPoints};
      QuantizeColumns(in + (c - first), rows, width, HWY_MIN(kBlockColumns, last - c), block,
                      codes + (c - first));
    }
    const size_t done = rows * (last - first);
    in += done;
    codes += done;
  };
  const auto left = [&]() HWY_ATTR { return static_cast<size_t>(end - in); };
  if (first_column > 0) {
    quantize(1, first_column, HWY_MIN(width, first_column + left()));
  }
  quantize(left() / width, 0, width);
  quantize(1, 0, left());
}

}  // namespace HWY_NAMESPACE
}  // namespace qi8::kernels
HWY_AFTER_NAMESPACE();

#endif  // QI8_KERNELS_QUANTIZE_INL
