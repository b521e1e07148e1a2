#include "exec/buffer_pool.hpp"

#include <gtest/gtest.h>

namespace qi8 {
namespace {

TEST(BufferPool, GivesBuffersAgain) {
  BufferPool pool(1000);
  std::byte* first = nullptr;
  {
    const auto buffer = pool.Take();
    first = buffer.get();
    EXPECT_NE(pool.Take().get(), first);
  }
  const auto a = pool.Take();
  const auto b = pool.Take();
  EXPECT_TRUE(a.get() == first || b.get() == first);
}

TEST(BufferPool, BuffersAreWholeAndAligned) {
  BufferPool pool(1000);
  const auto buffer = pool.Take();
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.get()) % 64, 0U);
  std::fill_n(buffer.get(), 1000, std::byte{1});  // the address sanitizer tells if there is less
}

}  // namespace
}  // namespace qi8
