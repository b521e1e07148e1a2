#include "hash/sha256.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <span>
#include <string>
#include <utility>

namespace qi8 {
namespace {

void Add(Sha256& hash, std::string_view text) { hash.Update(std::as_bytes(std::span(text))); }

// Vectors of FIPS 180-4 and NIST's examples.
TEST(Sha256, KnowsThePublishedVectors) {
  EXPECT_EQ(Sha256::HexOf(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256::HexOf("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256::HexOf("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(Sha256::HexOf(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, HashesZeroBytesToo) {
  EXPECT_EQ(Sha256::HexOf(std::string(1, '\0')),
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
}

TEST(Sha256, PiecesGiveWhatTheWholeGives) {
  std::string text(1000, '\0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 31 % 251);
  const std::string whole = Sha256::HexOf(text);
  // Around the block of 64 bytes, where an implementation changes its way.
  for (const std::size_t piece : {1UL, 7UL, 63UL, 64UL, 65UL, 128UL, 999UL, 1000UL}) {
    Sha256 hash;
    for (std::size_t start = 0; start < text.size(); start += piece) {
      Add(hash, std::string_view(text).substr(start, piece));
    }
    EXPECT_EQ(hash.FinishHex(), whole) << "pieces of " << piece;
  }
}

TEST(Sha256, EmptyPiecesChangeNothing) {
  Sha256 hash;
  Add(hash, "");
  Add(hash, "abc");
  hash.Update({});
  EXPECT_EQ(hash.FinishHex(), Sha256::HexOf("abc"));
}

TEST(Sha256, MovesWithWhatItHasSeen) {
  Sha256 first;
  Add(first, "a");
  Sha256 second = std::move(first);
  Add(second, "b");
  Sha256 third;
  Add(third, "dropped");
  third = std::move(second);
  Add(third, "c");
  EXPECT_EQ(third.FinishHex(), Sha256::HexOf("abc"));
}

TEST(Sha256, SeveralAtATimeDoNotMix) {
  Sha256 a;
  Sha256 b;
  Add(a, "ab");
  Add(b, "xy");
  Add(a, "c");
  Add(b, "z");
  EXPECT_EQ(a.FinishHex(), Sha256::HexOf("abc"));
  EXPECT_EQ(b.FinishHex(), Sha256::HexOf("xyz"));
}

TEST(OpenSslVersion, IsANumber) {
  EXPECT_TRUE(OpenSslVersion().find('.') != std::string::npos) << OpenSslVersion();
}

}  // namespace
}  // namespace qi8
