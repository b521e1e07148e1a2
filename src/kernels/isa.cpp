#include "kernels/isa.hpp"

// The settings of Highway come first.
// clang-format off
#include "kernels/dispatch.hpp"
#include <hwy/targets.h>
// clang-format on

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cstdint>
#include <qi8/error.hpp>

namespace qi8::kernels {
namespace {

constexpr std::string_view kScalar = "scalar";
constexpr std::int64_t kWithoutSimd = HWY_SCALAR | HWY_EMU128;

std::atomic<bool> reference_forced = false;

std::string Name(std::int64_t target) {
  if ((target & kWithoutSimd) != 0) {
    return std::string(kScalar);
  }
  std::string name = hwy::TargetName(target);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return name;
}

// Highway orders the bits of its targets from the best to the worst.
std::int64_t LowestBit(std::int64_t mask) { return mask & -mask; }

// SIMD targets of this build and CPU. Remembered from before the first ForceIsa(), which changes what Highway
// says.
std::int64_t SimdTargets() {
  static const std::int64_t targets = hwy::SupportedTargets() & internal::CompiledTargets() & ~kWithoutSimd;
  return targets;
}

}  // namespace

bool internal::ReferenceForced() { return reference_forced.load(std::memory_order_relaxed); }

std::string ActiveIsa() {
  const std::int64_t active = hwy::SupportedTargets() & internal::CompiledTargets();
  return internal::ReferenceForced() || active == 0 ? std::string(kScalar) : Name(LowestBit(active));
}

std::vector<std::string> SupportedIsas() {
  std::vector<std::string> names;
  for (std::int64_t left = SimdTargets(); left != 0; left &= left - 1) {
    names.push_back(Name(LowestBit(left)));
  }
  names.emplace_back(kScalar);
  return names;
}

void ForceIsa(std::string_view name) {
  std::int64_t chosen = 0;
  for (std::int64_t left = SimdTargets(); left != 0; left &= left - 1) {
    if (Name(LowestBit(left)) == name) {
      chosen = LowestBit(left);
    }
  }
  if (chosen == 0 && name != kScalar && name != "auto") {
    std::string supported;
    for (const std::string& isa : SupportedIsas()) {
      supported += isa + ", ";
    }
    throw Error(ErrorKind::kUsage, "instruction set '" + std::string(name) +
                                       "' is not one that this program has on this CPU; choose among " +
                                       supported + "auto");
  }
  reference_forced.store(name == kScalar, std::memory_order_relaxed);
  hwy::SetSupportedTargetsForTest(chosen);  // 0 lifts the restriction
}

}  // namespace qi8::kernels
