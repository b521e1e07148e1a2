// What the fuzz targets share. A target is one file with an LLVMFuzzerTestOneInput: libFuzzer drives it in
// the build of preset `fuzz`, and replay_main.cpp feeds it the files of seeds/<target> in every other build.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace qi8::testing {

// Ends the process where a promise does not hold: that is what a fuzzer notices.
inline void Require(bool holds, std::string_view promise) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %.*s\n", static_cast<int>(promise.size()), promise.data());
  std::abort();
}

// The input, taken from its front piece by piece. Where it has ended, numbers are 0 and texts empty, so that
// every input means something.
class FuzzInput {
 public:
  FuzzInput(const std::uint8_t* data, std::size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}
  explicit FuzzInput(std::string_view bytes) : rest_(bytes) {}

  template <typename Number>
  Number Take() {
    static_assert(std::is_arithmetic_v<Number>);
    Number number{};
    const std::string_view bytes = TakeBytes(sizeof(number));
    if (!bytes.empty()) std::memcpy(&number, bytes.data(), bytes.size());
    return number;
  }

  // Below `limit`.
  std::size_t TakeBelow(std::size_t limit) { return Take<std::uint16_t>() % limit; }
  bool TakeBool() { return (Take<std::uint8_t>() & 1U) != 0; }

  template <typename Choices>
  const auto& TakeOneOf(const Choices& choices) {
    return choices[Take<std::uint8_t>() % std::size(choices)];
  }

  // As many bytes as there are, `size` at most.
  std::string_view TakeBytes(std::size_t size) {
    const std::string_view bytes = rest_.substr(0, size);
    rest_.remove_prefix(bytes.size());
    return bytes;
  }

  // A length of one byte, then that many.
  std::string TakeText() { return std::string(TakeBytes(Take<std::uint8_t>())); }
  std::string_view TakeRest() { return TakeBytes(rest_.size()); }
  [[nodiscard]] bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

}  // namespace qi8::testing
