// The SIMD bodies of widening.

// Not #pragma once: Highway flips HWY_TARGET_TOGGLE to let the file in again for the next target.
#if defined(QI8_KERNELS_WIDEN_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef QI8_KERNELS_WIDEN_INL
#undef QI8_KERNELS_WIDEN_INL
#else
#define QI8_KERNELS_WIDEN_INL
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "kernels/vectors-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace qi8::kernels {
namespace HWY_NAMESPACE {

// `in` needs no alignment: it is read as bytes.
HWY_INLINE BitsVec LoadHalves(const std::byte* in) {
  const hn::Rebind<uint16_t, BitsTag> d;
  const hn::Repartition<uint8_t, decltype(d)> bytes;
  return hn::PromoteTo(BitsTag(), hn::BitCast(d, hn::LoadU(bytes, reinterpret_cast<const uint8_t*>(in))));
}

// As reference::WidenFloat16, all three forms of which are computed and one of them chosen.
struct Float16 {
  HWY_INLINE FloatVec operator()(BitsVec half) const {
    const BitsTag d;
    const SignedBitsTag di;
    const FloatTag df;
    const BitsVec magnitude = hn::And(half, hn::Set(d, 0x7fffU));
    const BitsVec shifted = hn::ShiftLeft<13>(magnitude);
    const BitsVec rebias = hn::Set(d, (127U - 15U) << 23U);
    const BitsVec normal = hn::Add(shifted, rebias);
    const BitsVec infinite = hn::Add(normal, rebias);
    const FloatVec tiny = hn::Mul(hn::ConvertTo(df, hn::BitCast(di, magnitude)), hn::Set(df, 0x1p-24F));
    const auto is_tiny = hn::Lt(hn::BitCast(di, magnitude), hn::Set(di, 0x0400));
    const auto is_infinite = hn::Gt(hn::BitCast(di, magnitude), hn::Set(di, 0x7bff));
    const BitsVec large = hn::IfThenElse(hn::RebindMask(d, is_infinite), infinite, normal);
    const BitsVec bits = hn::IfThenElse(hn::RebindMask(d, is_tiny), hn::BitCast(d, tiny), large);
    return hn::BitCast(df, hn::Or(bits, hn::ShiftLeft<16>(hn::And(half, hn::Set(d, 0x8000U)))));
  }
};

struct Bfloat16 {
  HWY_INLINE FloatVec operator()(BitsVec upper) const {
    return hn::BitCast(FloatTag(), hn::ShiftLeft<16>(upper));
  }
};

template <class Widener>
HWY_INLINE void WidenHalves(const std::byte* in, float* out, size_t count, Widener widen) {
  const FloatTag d;
  constexpr size_t kBytes = sizeof(uint16_t);
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; count - i >= lanes; i += lanes) {
    hn::StoreU(widen(LoadHalves(in + i * kBytes)), d, out + i);
  }
  if (i == count) {
    return;
  }
  HWY_ALIGN std::byte halves[hn::MaxLanes(d) * kBytes] = {};
  HWY_ALIGN float floats[hn::MaxLanes(d)];
  std::memcpy(halves, in + i * kBytes, (count - i) * kBytes);
  hn::Store(widen(LoadHalves(halves)), d, floats);
  std::memcpy(out + i, floats, (count - i) * sizeof(float));
}

void WidenFloat16(std::span<const std::byte> in, std::span<float> out) {
  WidenHalves(in.data(), out.data(), out.size(), Float16());
}

void WidenBfloat16(std::span<const std::byte> in, std::span<float> out) {
  WidenHalves(in.data(), out.data(), out.size(), Bfloat16());
}

}  // namespace HWY_NAMESPACE
}  // namespace qi8::kernels
HWY_AFTER_NAMESPACE();

#endif  // QI8_KERNELS_WIDEN_INL
