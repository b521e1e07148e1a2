#include "kernels/isa.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <qi8/error.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace qi8::kernels {
namespace {

class Isa : public testing::Test {
 protected:
  void TearDown() override { ForceIsa("auto"); }
};

TEST_F(Isa, TheBestIsActiveAtFirst) { EXPECT_EQ(ActiveIsa(), SupportedIsas().front()); }

TEST_F(Isa, ScalarIsAlwaysTheLastResort) {
  const std::vector<std::string> isas = SupportedIsas();
  EXPECT_EQ(isas.back(), "scalar");
  EXPECT_EQ(std::set(isas.begin(), isas.end()).size(), isas.size());
}

TEST_F(Isa, EachCanBeForced) {
  const std::vector<std::string> isas = SupportedIsas();
  for (const std::string& isa : isas) {
    ForceIsa(isa);
    EXPECT_EQ(ActiveIsa(), isa);
    EXPECT_EQ(SupportedIsas(), isas);
  }
  ForceIsa("auto");
  EXPECT_EQ(ActiveIsa(), isas.front());
}

TEST_F(Isa, AnUnknownOneIsAUsageErrorThatNamesThoseSupported) {
  const std::string before = ActiveIsa();
  try {
    ForceIsa("altivec");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUsage);
    const std::string_view message = error.what();
    EXPECT_NE(message.find("'altivec'"), message.npos) << message;
    for (const std::string& isa : SupportedIsas()) {
      EXPECT_NE(message.find(isa), message.npos) << message;
    }
  }
  EXPECT_EQ(ActiveIsa(), before);
}

#if defined(__x86_64__) && !defined(__SSSE3__)  // with -march, lesser targets are left out
// Without this, a build that lost its SIMD bodies would pass all other tests.
TEST_F(Isa, WhatTheCpuHasIsCompiledIn) {
  const std::vector<std::string> isas = SupportedIsas();
  const auto has = [&isas](std::string_view isa) { return std::ranges::find(isas, isa) != isas.end(); };
  if (__builtin_cpu_supports("ssse3")) {
    EXPECT_TRUE(has("ssse3"));
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) {
    EXPECT_TRUE(has("avx2"));
  }
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw")) {
    EXPECT_TRUE(has("avx3"));
  }
}
#elif defined(__aarch64__)
TEST_F(Isa, WhatTheCpuHasIsCompiledIn) { EXPECT_EQ(SupportedIsas().front(), "neon"); }
#endif

}  // namespace
}  // namespace qi8::kernels
