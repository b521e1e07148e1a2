#include "runtime/saturation.hpp"

#include <gtest/gtest.h>

#include <sstream>
#include <string>

namespace qi8::runtime {
namespace {

[[nodiscard]] bool ProductsSaturateOn(const std::string& cpuinfo) {
  std::istringstream stream(cpuinfo);
  return ProductsSaturate(stream);
}

TEST(ProductsSaturateTest, OnX86WithoutVnni) {
  EXPECT_TRUE(ProductsSaturateOn("processor\t: 0\nflags\t\t: fpu avx avx2 avx512f avx512_bitalg\n"));
  EXPECT_FALSE(ProductsSaturateOn("processor\t: 0\nflags\t\t: fpu avx2 avx512f avx512_vnni\n"));
  EXPECT_FALSE(ProductsSaturateOn("processor\t: 0\nflags\t\t: fpu avx2 avx_vnni umip\n"));
}

TEST(ProductsSaturateTest, NotOnOtherProcessors) {
  EXPECT_FALSE(ProductsSaturateOn("processor\t: 0\nFeatures\t: fp asimd asimddp\n"));
  EXPECT_FALSE(ProductsSaturateOn(""));
}

}  // namespace
}  // namespace qi8::runtime
