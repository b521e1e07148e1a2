#include "exec/tile_values.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "exec/stored_values.hpp"
#include "kernels/widen.hpp"

namespace qi8 {
namespace {

using ::testing::ElementsAreArray;
using testing::SomeNumbers;
using testing::StoredValues;

class TileValuesTest : public ::testing::TestWithParam<DataType> {
 protected:
  [[nodiscard]] bool IsOnePiece() const { return GetParam() == DataType::kFloat; }
};
INSTANTIATE_TEST_SUITE_P(Types, TileValuesTest, testing::EachFloatingPointType(), testing::NameOfType);

TEST_P(TileValuesTest, ComeInOrderAndInWholeUnits) {
  const std::vector<float> numbers = SomeNumbers(3 * 5 * 1000);
  const StoredValues stored(GetParam(), numbers);
  EXPECT_EQ(stored.Tile().size(), numbers.size());
  for (const std::uint64_t unit : {1U, 100U, 3000U, 5000U, 15000U, 20000U}) {
    std::vector<float> visited;
    std::size_t pieces = 0;
    stored.Tile().ForEachPiece(unit, [&](std::uint64_t start, std::span<const float> piece) {
      EXPECT_EQ(start, visited.size());
      EXPECT_TRUE(IsOnePiece() || piece.size() <= kernels::kWidenedElements);
      const std::uint64_t in_unit = start % unit;
      EXPECT_TRUE(in_unit + piece.size() <= unit || (in_unit == 0 && piece.size() % unit == 0))
          << "units of " << unit << ": " << piece.size() << " at " << start;
      visited.insert(visited.end(), piece.begin(), piece.end());
      ++pieces;
    });
    EXPECT_THAT(visited, ElementsAreArray(numbers)) << "units of " << unit;
    EXPECT_EQ(pieces == 1, IsOnePiece());
  }
}

TEST_P(TileValuesTest, ComeAsBlocksOfAMatrixWithin) {
  constexpr std::uint64_t kBefore = 5;
  const std::vector<float> numbers = SomeNumbers(13000);
  const StoredValues stored(GetParam(), numbers);
  for (const std::uint64_t columns : {1U, 7U, 64U, 65U, 200U, 6000U}) {
    const std::uint64_t rows = (numbers.size() - kBefore) / columns;
    std::vector<float> matrix(rows * columns, std::numeric_limits<float>::quiet_NaN());
    std::size_t visited = 0;
    const auto take = [&](const MatrixBlock& block, std::span<const float> values) {
      ASSERT_EQ(values.size(), block.rows * block.columns);
      for (std::uint64_t i = 0; i < values.size(); ++i) {
        const std::uint64_t row = block.first_row + i / block.columns;
        matrix[row * columns + block.first_column + i % block.columns] = values[i];
      }
      visited += values.size();
    };
    stored.Tile().ForEachBlock(kBefore, rows, columns, take);
    EXPECT_EQ(visited, matrix.size()) << columns << " columns";
    EXPECT_THAT(matrix, ElementsAreArray(numbers.data() + kBefore, matrix.size())) << columns << " columns";
  }
}

TEST_P(TileValuesTest, NothingIsNoPiece) {
  const StoredValues stored(GetParam(), {});
  stored.Tile().ForEachPiece(3, [](auto, auto) { ADD_FAILURE(); });
  stored.Tile().ForEachBlock(0, 0, 3, [](const auto&, auto) { ADD_FAILURE(); });
}

TEST_P(TileValuesTest, TheFirstNonFiniteOneIsFound) {
  std::vector<float> numbers = SomeNumbers(10000);
  EXPECT_EQ(FindNonFinite(StoredValues(GetParam(), numbers).Tile()), std::nullopt);
  numbers[9000] = std::numeric_limits<float>::infinity();
  numbers[9999] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(FindNonFinite(StoredValues(GetParam(), numbers).Tile()), 9000U);
}

}  // namespace
}  // namespace qi8
