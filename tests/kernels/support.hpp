// What the tests of the kernels share: running on each instruction set, inputs that bite, memory with a
// fence.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "kernels/isa.hpp"
#include "kernels/kernels.hpp"

namespace qi8::kernels {

// A test that runs once on each instruction set of this machine.
class OnEachIsa : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    ForceIsa(GetParam());
    ASSERT_EQ(ActiveIsa(), GetParam());
  }
  void TearDown() override { ForceIsa("auto"); }
};

#define QI8_INSTANTIATE_ON_EACH_ISA(FIXTURE)                                                 \
  INSTANTIATE_TEST_SUITE_P(Isa, FIXTURE, testing::ValuesIn(::qi8::kernels::SupportedIsas()), \
                           [](const auto& test) { return test.param; })

// `size` elements that end where an inaccessible page begins: reading or writing beyond them ends the test
// program.
template <class T>
class FencedBuffer {
 public:
  explicit FencedBuffer(std::size_t size) : size_(size) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t usable = (size * sizeof(T) + page - 1) / page * page;
    mapped_ = usable + page;
    base_ = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base_ == MAP_FAILED || mprotect(static_cast<char*>(base_) + usable, page, PROT_NONE) != 0) {
      std::abort();
    }
    first_ = reinterpret_cast<T*>(static_cast<char*>(base_) + usable) - size;
  }
  explicit FencedBuffer(const std::vector<T>& values) : FencedBuffer(values.size()) {
    std::copy(values.begin(), values.end(), first_);
  }
  FencedBuffer(const FencedBuffer&) = delete;
  FencedBuffer& operator=(const FencedBuffer&) = delete;
  ~FencedBuffer() { munmap(base_, mapped_); }

  [[nodiscard]] std::span<T> span() const { return {first_, size_}; }

 private:
  std::size_t size_;
  std::size_t mapped_ = 0;
  void* base_ = nullptr;
  T* first_ = nullptr;
};

using Random = std::mt19937;

// Of kernels that take a matrix by rows, the case of one row: `absmax` is AbsMaxBitsByRow, of the kernels or
// of the reference.
template <class Kernel>
[[nodiscard]] std::uint32_t MaxOf(const Kernel& absmax, std::span<const float> row, Sign sign = Sign::kAny) {
  std::uint32_t max = 1;  // is written, not updated
  absmax(row, {&max, 1}, sign);
  return max;
}

// Finite floats of any exponent and sign, with denormals, zeros and the largest among them.
[[nodiscard]] inline std::vector<float> AnyFinite(std::size_t size, Random& random) {
  constexpr float kSpecial[] = {0.0F,
                                -0.0F,
                                std::numeric_limits<float>::max(),
                                std::numeric_limits<float>::lowest(),
                                std::numeric_limits<float>::min(),
                                -std::numeric_limits<float>::min(),
                                std::numeric_limits<float>::denorm_min(),
                                -std::numeric_limits<float>::denorm_min(),
                                0x0.fffffep-126F};
  std::vector<float> values(size);
  for (float& value : values) {
    const auto bits = static_cast<std::uint32_t>(random());
    value = std::bit_cast<float>(bits);
    if (random() % 8 == 0 || !std::isfinite(value)) {
      value = kSpecial[random() % std::size(kSpecial)];
    }
  }
  return values;
}

// Floats whose quotients by `scale` (of a power of two) are within the codes, at their ends, just beyond,
// exactly halfway between two and next to halfway; some of any exponent among them.
[[nodiscard]] inline std::vector<float> AroundCodes(std::size_t size, float scale, Random& random) {
  std::vector<float> values = AnyFinite(size, random);
  for (float& value : values) {
    const auto kind = random() % 8;
    if (kind == 0) {
      continue;
    }
    const float code = static_cast<float>(static_cast<int>(random() % 263) - 131);
    value = (code + (kind < 5 ? 0.5F : 0.0F)) * scale;
    if (kind == 3) {
      value = std::nextafter(value, 0.0F);
    } else if (kind == 4) {
      value = std::nextafter(value, 2 * value);
    } else if (kind == 7) {
      value = static_cast<float>(static_cast<std::int32_t>(random())) * 0x1p-24F * scale;
    }
  }
  return values;
}

}  // namespace qi8::kernels
