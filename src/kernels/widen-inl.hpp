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

using HalvesTag = hn::Rebind<uint16_t, FloatTag>;
using HalvesVec = hn::Vec<HalvesTag>;

// `in` needs no alignment: it is read as bytes.
HWY_INLINE HalvesVec LoadHalves(const std::byte* in) {
  const HalvesTag d;
  const hn::Repartition<uint8_t, HalvesTag> bytes;
  return hn::BitCast(d, hn::LoadU(bytes, reinterpret_cast<const uint8_t*>(in)));
}

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2  // better ones have lower numbers

// These have F16C, an instruction for it.
struct Float16 {
  HWY_INLINE FloatVec operator()(HalvesVec halves) const {
    return hn::PromoteTo(FloatTag(), hn::BitCast(hn::Rebind<hwy::float16_t, FloatTag>(), halves));
  }
};

#else

// As reference::WidenFloat16, all forms of which are computed and one of them chosen.
struct Float16 {
  HWY_INLINE FloatVec operator()(HalvesVec halves) const {
    const BitsTag d;
    const SignedBitsTag di;
    const FloatTag df;
    const BitsVec half = hn::PromoteTo(d, halves);
    const BitsVec magnitude = hn::And(half, hn::Set(d, 0x7fffU));
    const BitsVec shifted = hn::ShiftLeft<13>(magnitude);
    const BitsVec rebias = hn::Set(d, (127U - 15U) << 23U);
    const BitsVec normal = hn::Add(shifted, rebias);
    const BitsVec infinite = hn::Add(normal, rebias);
    const BitsVec quiet = hn::Or(infinite, hn::Set(d, 0x00400000U));
    const FloatVec tiny = hn::Mul(hn::ConvertTo(df, hn::BitCast(di, magnitude)), hn::Set(df, 0x1p-24F));
    const auto above = [&](int bits) HWY_ATTR {
      return hn::RebindMask(d, hn::Gt(hn::BitCast(di, magnitude), hn::Set(di, bits)));
    };
    const BitsVec finite = hn::IfThenElse(above(0x03ff), normal, hn::BitCast(d, tiny));
    const BitsVec bits =
        hn::IfThenElse(above(0x7c00), quiet, hn::IfThenElse(above(0x7bff), infinite, finite));
    return hn::BitCast(df, hn::Or(bits, hn::ShiftLeft<16>(hn::And(half, hn::Set(d, 0x8000U)))));
  }
};

#endif

struct Bfloat16 {
  HWY_INLINE FloatVec operator()(HalvesVec upper) const {
    return hn::BitCast(FloatTag(), hn::ShiftLeft<16>(hn::PromoteTo(BitsTag(), upper)));
  }
};

// How many numbers ahead to fetch. `kernels_bench`: 1024 numbers 27.4 GiB/s, 2048 32.1, 4096 33.7; four runs
// at a time without fetching 16.4, with it 18.1.
constexpr size_t kWidenAhead = 4096;

template <class Widener>
HWY_INLINE void WidenHalves(const std::byte* in, float* out, size_t count, Widener widen) {
  const FloatTag d;
  constexpr size_t kBytes = sizeof(uint16_t);
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; count - i >= lanes; i += lanes) {
    PrefetchSoon(in + (i + kWidenAhead) * kBytes);
    hn::StoreU(widen(LoadHalves(in + i * kBytes)), d, out + i);
  }
  if (i < count) {
    HWY_ALIGN std::byte halves[hn::MaxLanes(d) * kBytes] = {};
    HWY_ALIGN float floats[hn::MaxLanes(d)];
    std::memcpy(halves, in + i * kBytes, (count - i) * kBytes);
    hn::Store(widen(LoadHalves(halves)), d, floats);
    std::memcpy(out + i, floats, (count - i) * sizeof(float));
  }
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
