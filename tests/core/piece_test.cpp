#include "core/piece.hpp"

#include <gtest/gtest.h>

namespace qi8 {
namespace {

TEST(PieceLength, IsWholeUnitsWhereOneFits) {
  EXPECT_EQ(PieceLength(0, 1, 10), 10U);
  EXPECT_EQ(PieceLength(0, 3, 10), 9U);
  EXPECT_EQ(PieceLength(9, 3, 10), 9U);
  EXPECT_EQ(PieceLength(0, 10, 10), 10U);
}

TEST(PieceLength, IsAPartOfALargerUnit) {
  EXPECT_EQ(PieceLength(0, 25, 10), 10U);
  EXPECT_EQ(PieceLength(20, 25, 10), 5U);
  EXPECT_EQ(PieceLength(25, 25, 10), 10U);
  EXPECT_EQ(PieceLength(30, UINT64_MAX, 10), 10U);
}

}  // namespace
}  // namespace qi8
