// Writes an example model like agi_audio_core.onnx: an audio transformer with made-up weights, at any size.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <string_view>

namespace qi8::models {

struct AudioCoreSize {
  std::int64_t blocks;
  std::int64_t width;
  std::int64_t heads;
  std::int64_t feed_forward;
  std::int64_t codes;  // rows of the embedding, and logits per time step
};

inline constexpr AudioCoreSize kTiny{.blocks = 2, .width = 64, .heads = 4, .feed_forward = 192, .codes = 256};
inline constexpr AudioCoreSize kSmall{
    .blocks = 8, .width = 768, .heads = 12, .feed_forward = 2048, .codes = 4096};
inline constexpr AudioCoreSize kFull{
    .blocks = 15, .width = 2048, .heads = 16, .feed_forward = 8192, .codes = 16384};

struct AudioCoreOptions {
  AudioCoreSize size = kTiny;
  std::uint64_t seed = 1;
  // The weights go into the .onnx itself, as raw_data, instead of OUTPUT.onnx.data.
  bool inline_weights = false;
  // Polled between chunks; once true, the work ends with ErrorKind::kInterrupted and leaves nothing behind.
  const std::atomic<bool>* stop = nullptr;
};

struct AudioCoreSummary {
  std::uint64_t parameters;
  std::uint64_t model_bytes;
  std::uint64_t data_bytes;  // 0 with inline_weights
};

// Writes `output` and, unless the weights are inline, `output`.data beside it; existing files are replaced.
// The weights' bytes follow from size and seed alone. Input: codes, int64 [batch, time]. Output: logits,
// float [batch, time, codes]. Memory is a few MB at any size. Throws qi8::Error; no half-written file stays
// then.
AudioCoreSummary write_audio_core(const std::filesystem::path& output, const AudioCoreOptions& options);

}  // namespace qi8::models
