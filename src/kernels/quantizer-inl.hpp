// Codes of vectors of values: the division by a scale, the rounding, the zero point.

// Not #pragma once: Highway flips HWY_TARGET_TOGGLE to let the file in again for the next target.
#if defined(QI8_KERNELS_QUANTIZER_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef QI8_KERNELS_QUANTIZER_INL
#undef QI8_KERNELS_QUANTIZER_INL
#else
#define QI8_KERNELS_QUANTIZER_INL
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>

#include "kernels/vectors-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace qi8::kernels {
namespace HWY_NAMESPACE {

// A float up to 2^22 and this make a sum whose unit in the last place is 1: adding rounds to the nearest
// whole number, halves to even. The bits of the sum are those of this and that number, added as integers; the
// low byte is that of the number alone.
constexpr float kRounding = 0x1.8p23F;

HWY_INLINE IntVec RoundedBits(FloatVec numbers) {
  return hn::BitCast(SignedBitsTag(), hn::Add(numbers, hn::Set(FloatTag(), kRounding)));
}

// The scale and the zero point of each lane.
struct Channels {
  FloatVec scale;
  FloatVec zero_point;
};

// What the two ways of dividing share: where quotients are clipped, and what makes codes of their rounded
// bits. Zero points are added after rounding: before, an odd one would send halves the other way.
struct Rounding {
  IntVec offset;  // from bits to codes
  FloatVec low;
  FloatVec high;

  HWY_INLINE explicit Rounding(FloatVec zero_points)
      : offset(hn::Sub(RoundedBits(zero_points), hn::ShiftLeft<1>(RoundedBits(hn::Zero(FloatTag()))))),
        low(hn::Sub(hn::Set(FloatTag(), -128.0F), zero_points)),
        high(hn::Sub(hn::Set(FloatTag(), 127.0F), zero_points)) {}
};

// Quantizes by true divisions.
class DividingQuantizer {
 public:
  HWY_INLINE explicit DividingQuantizer(Channels of) : scale_(of.scale), rounding_(of.zero_point) {}
  HWY_INLINE DividingQuantizer(float scale, float zero_point)
      : DividingQuantizer({hn::Set(FloatTag(), scale), hn::Set(FloatTag(), zero_point)}) {}

  HWY_INLINE IntVec Codes(FloatVec values) const { return hn::Add(LowBytes(values), rounding_.offset); }

  // Numbers whose low bytes are the codes less the zero point: bytes of several vectors can have it added
  // together.
  HWY_INLINE IntVec LowBytes(FloatVec values) const {
    const FloatVec quotients = hn::Div(values, scale_);
    return RoundedBits(hn::Min(hn::Max(quotients, rounding_.low), rounding_.high));
  }

 private:
  FloatVec scale_;
  Rounding rounding_;
};

// What makes products of divisions by a scale: inverse = 1 / scale and rest = 1 / scale - inverse, both
// rounded to float32. In value * inverse + value * rest, the second product is rounded, and then the whole,
// by a fused multiplication and addition. That is the rounded quotient for nearly all values and scales, and
// for the others it is so near that both have the same code (N. Brisebarre, J.-M. Muller, S. K. Raina,
// "Accelerating Correctly Rounded Floating-Point Division when the Divisor Is Known in Advance", IEEE
// Transactions on Computers 53, 2004). KernelsTest.HardQuotients tries all values and scales where it might
// be otherwise.
struct Inverse {
  FloatVec inverse;
  FloatVec rest;
};

// Scales beyond these have an inverse or a rest that is denormal or infinite.
constexpr float kLeastInvertible = 0x1p-100F;
constexpr float kMostInvertible = 0x1p100F;

#if HWY_NATIVE_FMA
constexpr bool kInverts = true;
#else
constexpr bool kInverts = false;
#endif

HWY_INLINE bool IsInvertible(float scale) {
  return kInverts && scale >= kLeastInvertible && scale <= kMostInvertible;
}

HWY_INLINE bool AreInvertible(FloatVec scales) {
  const FloatTag d;
  const auto in_range =
      hn::And(hn::Ge(scales, hn::Set(d, kLeastInvertible)), hn::Le(scales, hn::Set(d, kMostInvertible)));
  return kInverts && hn::AllTrue(d, in_range);
}

// Inverse::rest.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V RestOf(D d, V scale, V inverse) {
  return hn::Div(hn::NegMulAdd(inverse, scale, hn::Set(d, 1.0F)), scale);
}

HWY_INLINE Inverse Invert(FloatVec scales) {
  const FloatTag d;
  const FloatVec inverse = hn::Div(hn::Set(d, 1.0F), scales);
  return {inverse, RestOf(d, scales, inverse)};
}

// The same for one scale: divisions of whole vectors take much longer.
HWY_INLINE Inverse Invert(float scale) {
  const hn::CappedTag<float, 1> d;
  const auto one_scale = hn::Set(d, scale);
  const auto inverse = hn::Div(hn::Set(d, 1.0F), one_scale);
  const auto rest = RestOf(d, one_scale, inverse);
  return {hn::Set(FloatTag(), hn::GetLane(inverse)), hn::Set(FloatTag(), hn::GetLane(rest))};
}

// Quantizes by inverses, with the same codes. Values are clipped before they are multiplied: of a product
// that overflows, the second one could have the other sign.
class InvertingQuantizer {
 public:
  HWY_INLINE InvertingQuantizer(Channels of, Inverse inverse)
      : inverse_(inverse),
        rounding_(of.zero_point),
        low_(hn::Mul(rounding_.low, of.scale)),
        high_(hn::Mul(rounding_.high, of.scale)) {}
  HWY_INLINE InvertingQuantizer(float scale, float zero_point)
      : InvertingQuantizer({hn::Set(FloatTag(), scale), hn::Set(FloatTag(), zero_point)}, Invert(scale)) {}

  HWY_INLINE IntVec Codes(FloatVec values) const { return hn::Add(LowBytes(values), rounding_.offset); }

  HWY_INLINE IntVec LowBytes(FloatVec values) const {
    const FloatVec clipped = hn::Min(hn::Max(values, low_), high_);
    return RoundedBits(hn::MulAdd(clipped, inverse_.inverse, hn::Mul(clipped, inverse_.rest)));
  }

 private:
  Inverse inverse_;
  Rounding rounding_;
  FloatVec low_;
  FloatVec high_;
};

// Names a quantizer where there is none yet.
template <class Quantizer>
struct Kind {
  using Type = Quantizer;
};

}  // namespace HWY_NAMESPACE
}  // namespace qi8::kernels
HWY_AFTER_NAMESPACE();

#endif  // QI8_KERNELS_QUANTIZER_INL
