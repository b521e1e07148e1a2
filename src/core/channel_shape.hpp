// How the elements of a weight share their scales.
#pragma once

#include <compare>
#include <cstdint>

namespace qi8 {

// A weight seen as a row-major array [groups, reduced, channels]: the elements (g, *, c) share one scale,
// which stands at g * channels + c of the scale tensor. This covers every per-channel form:
//
//   MatMul B [K, N], a scale per column        {1, K, N}
//   batched MatMul B [D, K, N], per (d, n)     {D, K, N}
//   Gemm B [N, K] with transB, a scale per row {N, K, 1}
//   Gather table [V, H] on axis 0, per row     {V, H, 1}
//   any weight, per tensor                     {1, all, 1}
struct ChannelShape {
  std::uint64_t groups = 1;
  std::uint64_t reduced = 1;
  std::uint64_t channels = 1;

  [[nodiscard]] std::uint64_t scales() const { return groups * channels; }
  [[nodiscard]] std::uint64_t group_elements() const { return reduced * channels; }
  [[nodiscard]] std::uint64_t elements() const { return groups * reduced * channels; }
  friend auto operator<=>(const ChannelShape&, const ChannelShape&) = default;
};

}  // namespace qi8
