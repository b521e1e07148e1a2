// The SIMD bodies of kernels.hpp, which kernels.cpp includes once for each instruction set.
//
// All functions in these files are compiled with the instructions of their target, so an inline function of
// the standard library that they instantiate could be linked into code that runs on a lesser CPU. They keep
// to raw pointers for that reason.

// Not #pragma once: Highway flips HWY_TARGET_TOGGLE to let the file in again for the next target.
#if defined(QI8_KERNELS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef QI8_KERNELS_INL
#undef QI8_KERNELS_INL
#else
#define QI8_KERNELS_INL
#endif

#include <hwy/highway.h>

// Plain loops serve where there are no vectors, and on 32-bit Arm, whose vectors flush denormals and cannot
// divide.
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128 || HWY_ARCH_ARM_V7

#include "kernels/reference.hpp"

HWY_BEFORE_NAMESPACE();
namespace qi8::kernels {
namespace HWY_NAMESPACE {

using reference::AbsMaxBitsByColumn;
using reference::AbsMaxBitsByRow;
using reference::QuantizeByColumn;
using reference::QuantizeByRow;
using reference::QuantizeTransposed;
using reference::WidenBfloat16;
using reference::WidenFloat16;

}  // namespace HWY_NAMESPACE
}  // namespace qi8::kernels
HWY_AFTER_NAMESPACE();

#else

#include "kernels/absmax-inl.hpp"
#include "kernels/quantize-inl.hpp"
#include "kernels/transpose-inl.hpp"
#include "kernels/widen-inl.hpp"

#endif

#endif  // QI8_KERNELS_INL
