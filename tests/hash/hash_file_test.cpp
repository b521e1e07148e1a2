#include "hash/hash_file.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "hash/sha256.hpp"
#include "qi8/error.hpp"

namespace qi8 {
namespace {

const auto kGoOn = [] { return false; };

TEST(HashFile, IsTheHashOfAllBytes) {
  for (const std::size_t size : {0UL, 1UL, 1UL << 20U, (3UL << 20U) + 17}) {
    std::string bytes(size, 'x');
    for (std::size_t i = 0; i < size; i += 1000) bytes[i] = static_cast<char>(i / 1000);
    EXPECT_EQ(HashFile(*MakeMemoryFile("file", bytes), kGoOn), Sha256::HexOf(bytes)) << size;
  }
}

TEST(HashFile, TellsHowFarItIs) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> told;
  static_cast<void>(
      HashFile(*MakeMemoryFile("file", std::string((1U << 20U) + 5, 'x')), kGoOn,
               [&told](std::uint64_t done, std::uint64_t total) { told.emplace_back(done, total); }));
  constexpr std::uint64_t kSize = (1U << 20U) + 5;
  EXPECT_EQ(told, (std::vector<std::pair<std::uint64_t, std::uint64_t>>{{1U << 20U, kSize}, {kSize, kSize}}));
}

TEST(HashFile, StopsWhenAsked) {
  int asked = 0;
  try {
    static_cast<void>(
        HashFile(*MakeMemoryFile("file", std::string(5U << 20U, 'x')), [&asked] { return ++asked == 3; }));
    FAIL() << "it went on";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInterrupted);
  }
  EXPECT_EQ(asked, 3);
}

}  // namespace
}  // namespace qi8
