// Speed of the kernels in bytes of FP32 read per second, against that of merely reading the same memory. All
// of them should be near it: they are to wait for memory, not for arithmetic.
//
// The input is larger than most caches (but see what the machine has). Quantized bytes go to a buffer that is
// used again and again, as the tiles of the pipeline are; the benchmarks named .../far write to memory of
// their own instead, which costs a read and a write of each byte of output besides.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <vector>

#include "kernels/isa.hpp"
#include "kernels/kernels.hpp"
#include "kernels/widen.hpp"

namespace qi8::kernels {
namespace {

constexpr std::size_t kElements = std::size_t{1} << 26;      // 256 MiB of FP32
constexpr std::size_t kTileElements = std::size_t{1} << 18;  // 1 MiB of FP32, a tile of the pipeline

// Memory that is aligned as the tiles of the pipeline are: a sum of it is a fifth faster than of floats that
// begin anywhere.
template <class T>
struct TileAllocator {
  using value_type = T;
  static constexpr std::align_val_t kAlignment{128};

  TileAllocator() = default;
  template <class U>
  explicit TileAllocator(const TileAllocator<U>& /*other*/) {}
  [[nodiscard]] T* allocate(std::size_t count) {
    return static_cast<T*>(::operator new(count * sizeof(T), kAlignment));
  }
  void deallocate(T* at, std::size_t /*count*/) { ::operator delete(at, kAlignment); }
  friend bool operator==(const TileAllocator&, const TileAllocator&) = default;
};
template <class T>
using TileVector = std::vector<T, TileAllocator<T>>;

[[nodiscard]] TileVector<float> MakeWeights() {
  TileVector<float> values(kElements);
  std::uint32_t state = 1;
  for (float& value : values) {
    state = state * 1664525U + 1013904223U;
    value = static_cast<float>(static_cast<std::int32_t>(state)) * 0x1p-31F;
  }
  return values;
}

// Made before any clock runs.
const TileVector<float> kWeights = MakeWeights();
TileVector<std::int8_t> codes_buffer(kElements);

void Report(benchmark::State& state) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(kElements * sizeof(float)));
  state.SetLabel(ActiveIsa());
}

// Rows of a tile, as the pipeline cuts it.
[[nodiscard]] std::size_t TileRows(std::size_t columns) {
  return RowsToTranspose(std::max<std::size_t>(1, kTileElements / columns));
}

// Calls `kernel` with each tile of whole rows of `columns` elements and with the output for it.
template <class Kernel>
void ForEachTile(std::size_t columns, bool far, const Kernel& kernel) {
  const std::span<const float> weights = kWeights;
  const std::span<std::int8_t> codes = codes_buffer;
  const std::size_t whole = weights.size() / columns * columns;
  const std::size_t tile = TileRows(columns) * columns;
  for (std::size_t i = 0; i < whole; i += tile) {
    const std::size_t count = std::min(tile, whole - i);
    kernel(weights.subspan(i, count), codes.subspan(far ? i : 0, count));
  }
}

#if defined(__x86_64__)
__attribute__((target_clones("avx512f", "avx2", "default")))
#endif
std::uint64_t
Sum(const std::uint64_t* words, std::size_t count) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    sum += words[i];
  }
  return sum;
}

void BM_Read(benchmark::State& state) {
  // The very memory that the kernels read: how fast memory is depends on where its pages lie.
  const auto* const words = reinterpret_cast<const std::uint64_t*>(kWeights.data());
  for (auto _ : state) {
    benchmark::DoNotOptimize(Sum(words, kElements / 2));
  }
  Report(state);
}
BENCHMARK(BM_Read);

void BM_AbsMaxBitsByRow(benchmark::State& state) {
  const auto columns = static_cast<std::size_t>(state.range(0));
  std::vector<std::uint32_t> max(kTileElements);
  for (auto _ : state) {
    ForEachTile(columns, false, [&](std::span<const float> tile, std::span<std::int8_t> /*out*/) {
      AbsMaxBitsByRow(tile, std::span(max).first(tile.size() / columns));
    });
    benchmark::DoNotOptimize(max.data());
  }
  Report(state);
}
BENCHMARK(BM_AbsMaxBitsByRow)->Arg(100)->Arg(1024)->Arg(4096)->Arg(kTileElements);

void BM_FindNonFinite(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(FindNonFinite(kWeights));
  }
  Report(state);
}
BENCHMARK(BM_FindNonFinite);

void BM_AbsMaxBitsByColumn(benchmark::State& state) {
  const auto columns = static_cast<std::size_t>(state.range(0));
  std::vector<std::uint32_t> max(columns);
  for (auto _ : state) {
    ForEachTile(columns, false, [&](std::span<const float> tile, std::span<std::int8_t> /*out*/) {
      AbsMaxBitsByColumn(tile, 0, max);
    });
    benchmark::DoNotOptimize(max.data());
  }
  Report(state);
}
BENCHMARK(BM_AbsMaxBitsByColumn)
    ->Arg(1)
    ->Arg(3)
    ->Arg(16)
    ->Arg(100)
    ->Arg(1000)
    ->Arg(1024)
    ->Arg(4096)
    ->Arg(50257);

// zero: the zero point; 0 is the symmetric kernel.
[[nodiscard]] std::vector<float> ZeroPoints(benchmark::State& state, std::size_t count) {
  return std::vector<float>(state.range(2) == 0 ? 0 : count, static_cast<float>(state.range(2)));
}

void BM_QuantizeByRow(benchmark::State& state) {
  const auto columns = static_cast<std::size_t>(state.range(0));
  const bool far = state.range(1) != 0;
  const std::size_t most_rows = TileRows(columns);
  const std::vector<float> scales(most_rows, 1.0F / 127);
  const std::vector<float> zero_points = ZeroPoints(state, most_rows);
  for (auto _ : state) {
    ForEachTile(columns, far, [&](std::span<const float> tile, std::span<std::int8_t> out) {
      const std::size_t rows = tile.size() / columns;
      QuantizeByRow(tile, std::span(scales).first(rows),
                    std::span(zero_points).first(zero_points.empty() ? 0 : rows), out);
    });
    benchmark::ClobberMemory();
  }
  Report(state);
}
BENCHMARK(BM_QuantizeByRow)
    ->ArgNames({"columns", "far", "zero"})
    ->Args({100, 0, 0})
    ->Args({1024, 0, 0})
    ->Args({4096, 0, 0})
    ->Args({kTileElements, 0, 0})
    ->Args({4096, 0, 3})
    ->Args({4096, 1, 0});

void BM_QuantizeByColumn(benchmark::State& state) {
  const auto columns = static_cast<std::size_t>(state.range(0));
  const bool far = state.range(1) != 0;
  const std::vector<float> scales(columns, 1.0F / 127);
  const std::vector<float> zero_points = ZeroPoints(state, columns);
  for (auto _ : state) {
    ForEachTile(columns, far, [&](std::span<const float> tile, std::span<std::int8_t> out) {
      QuantizeByColumn(tile, 0, scales, zero_points, out);
    });
    benchmark::ClobberMemory();
  }
  Report(state);
}
BENCHMARK(BM_QuantizeByColumn)
    ->ArgNames({"columns", "far", "zero"})
    ->Args({1, 0, 0})
    ->Args({100, 0, 0})
    ->Args({1024, 0, 0})
    ->Args({4096, 0, 0})
    ->Args({50257, 0, 0})
    ->Args({4096, 0, 3})
    ->Args({4096, 1, 0});

void BM_QuantizeTransposed(benchmark::State& state) {
  const auto columns = static_cast<std::size_t>(state.range(0));
  const bool far = state.range(1) != 0;
  const std::size_t most_rows = TileRows(columns);
  const std::vector<float> scales(most_rows, 1.0F / 127);
  const std::vector<float> zero_points = ZeroPoints(state, most_rows);
  for (auto _ : state) {
    ForEachTile(columns, far, [&](std::span<const float> tile, std::span<std::int8_t> out) {
      const std::size_t rows = tile.size() / columns;
      QuantizeTransposed(tile, rows, columns, std::span(scales).first(rows),
                         std::span(zero_points).first(zero_points.empty() ? 0 : rows), out.data(), rows);
    });
    benchmark::ClobberMemory();
  }
  Report(state);
}
BENCHMARK(BM_QuantizeTransposed)
    ->ArgNames({"columns", "far", "zero"})
    ->Args({100, 0, 0})
    ->Args({128, 0, 0})
    ->Args({768, 0, 0})
    ->Args({1024, 0, 0})
    ->Args({4096, 0, 0})
    ->Args({1024, 0, 3})
    ->Args({4096, 1, 0});

// Bytes of halves read per second, into a piece that is used again and again, as in the pipeline.
template <void (*kWiden)(std::span<const std::byte>, std::span<float>)>
void BM_Widen(benchmark::State& state) {
  TileVector<float> floats(kWidenedElements);
  const std::span<const std::byte> halves = std::as_bytes(std::span(kWeights));
  constexpr std::size_t kBytes = kWidenedElements * sizeof(std::uint16_t);
  for (auto _ : state) {
    for (std::size_t i = 0; i < halves.size(); i += kBytes) {
      kWiden(halves.subspan(i, kBytes), floats);
    }
    benchmark::ClobberMemory();
  }
  Report(state);
}
BENCHMARK(BM_Widen<WidenFloat16>)->Name("BM_WidenFloat16");
BENCHMARK(BM_Widen<WidenBfloat16>)->Name("BM_WidenBfloat16");

}  // namespace
}  // namespace qi8::kernels
