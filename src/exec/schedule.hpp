// The order in which pieces of the input go through the pipeline: a list made before the first byte is read,
// so that memory is bounded by construction.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/byte_range.hpp"
#include "model/model.hpp"
#include "plan/layout.hpp"

namespace qi8 {

enum class StepKind {
  kPass,       // bytes of an input that no output needs: read for the checksum only
  kWhole,      // read, find the scales if they are wanted, write
  kScan,       // read, find the largest magnitudes, let go; read again later
  kScanHold,   // read, find the largest magnitudes, keep
  kEmitHeld,   // quantize and write what was kept
  kEmitAgain,  // read again, quantize, write
};

[[nodiscard]] constexpr bool Reads(StepKind kind) { return kind != StepKind::kEmitHeld; }
[[nodiscard]] constexpr bool Scans(StepKind kind) {
  return kind == StepKind::kWhole || kind == StepKind::kScan || kind == StepKind::kScanHold;
}
[[nodiscard]] constexpr bool Emits(StepKind kind) {
  return kind == StepKind::kWhole || kind == StepKind::kEmitHeld || kind == StepKind::kEmitAgain;
}

inline constexpr std::uint32_t kNoItem = UINT32_MAX;

// A tile: a run of bytes of one input file. Of a weight whose groups fit a tile it is one or more whole
// groups; else a part of one group, whose tiles are all scanned before the first is quantized. Of a weight
// that is to be transposed it is whole rows, or a part of one.
struct Step {
  StepKind kind = StepKind::kPass;
  std::uint32_t item = kNoItem;  // index into Layout::work
  FileId file = 0;
  ByteRange range;                  // in the input file
  std::uint64_t first_element = 0;  // of the tensor
  bool ends_group = false;          // the last tile of its group
};

struct ScheduleOptions {
  // Large enough that workers seldom wait for the next one, which they do spinning; small enough to be in the
  // second-level cache when it is quantized after it was scanned.
  std::uint64_t tile_bytes = 1ULL << 20U;
  std::uint64_t held_tiles = 64;  // how many tiles may be kept at once
  bool pass_unused = true;        // whether unused bytes are read too, for the checksum
};

// Scans and emissions of neighbouring weights take turns, so that reading never waits long for writing. Every
// kScanHold is followed by its kEmitHeld, in the same order, and at most `held_tiles` are kept at any point.
[[nodiscard]] std::vector<Step> MakeSchedule(const Model& model, const Plan& plan, const Layout& layout,
                                             const ScheduleOptions& options);

}  // namespace qi8
