#include "core/data_type.hpp"

#include <gtest/gtest.h>

namespace qi8 {
namespace {

TEST(DataTypeTest, HasNameAndSize) {
  EXPECT_EQ(DataTypeName(DataType::kFloat), "float32");
  EXPECT_EQ(DataTypeName(DataType::kBfloat16), "bfloat16");
  EXPECT_EQ(DataTypeName(DataType::kFloat4E2M1), "float4e2m1");
  EXPECT_EQ(DataTypeName(static_cast<DataType>(99)), "type 99");
  EXPECT_EQ(DataTypeName(static_cast<DataType>(-1)), "type -1");
  EXPECT_EQ(ElementBytes(DataType::kDouble), 8U);
  EXPECT_EQ(ElementBytes(DataType::kComplex128), 16U);
  EXPECT_EQ(ElementBytes(DataType::kFloat8E5M2FNUZ), 1U);
  EXPECT_EQ(ElementBytes(DataType::kString), 0U);
  EXPECT_EQ(ElementBytes(DataType::kInt4), 0U);
  EXPECT_EQ(ElementBytes(static_cast<DataType>(99)), 0U);
}

TEST(DataTypeTest, KnowsWhatIsStored) {
  EXPECT_EQ(StoredBytes(DataType::kFloat, 3), 12U);
  EXPECT_EQ(StoredBytes(DataType::kInt4, 3), 2U);  // two to a byte, the last alone
  EXPECT_EQ(StoredBytes(DataType::kString, 3), std::nullopt);
  EXPECT_EQ(StoredBytes(static_cast<DataType>(99), 3), std::nullopt);
  EXPECT_EQ(StoredBytes(DataType::kDouble, UINT64_MAX / 4), std::nullopt);
}

TEST(DataTypeTest, TellsFloatingPoint) {
  for (const auto type : {DataType::kFloat, DataType::kFloat16, DataType::kBfloat16, DataType::kDouble}) {
    EXPECT_TRUE(IsFloatingPoint(type)) << DataTypeName(type);
  }
  for (const auto type : {DataType::kInt8, DataType::kInt64, DataType::kFloat8E5M2, DataType::kComplex64}) {
    EXPECT_FALSE(IsFloatingPoint(type)) << DataTypeName(type);
  }
}

}  // namespace
}  // namespace qi8
