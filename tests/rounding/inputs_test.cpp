#include "rounding/inputs.hpp"

#include <gmock/gmock.h>

#include "qi8/error.hpp"

namespace qi8::rounding {
namespace {

[[nodiscard]] compare::InputSet Set(std::vector<float> values, std::vector<std::int64_t> shape) {
  return {"set", {runtime::Tensor::Of<float>(DataType::kFloat, std::move(shape), values)}};
}

TEST(HashOf, IsThatOfTheElementsTheirOrderAndTheMask) {
  const std::string hash = HashOf({Set({1, 2}, {2}), Set({3}, {1})}, std::nullopt);
  EXPECT_EQ(hash.size(), 64U);
  EXPECT_EQ(HashOf({Set({1, 2}, {2}), Set({3}, {1})}, std::nullopt), hash);
  EXPECT_NE(HashOf({Set({3}, {1}), Set({1, 2}, {2})}, std::nullopt), hash);
  EXPECT_NE(HashOf({Set({1, 2}, {2}), Set({4}, {1})}, std::nullopt), hash);
  EXPECT_NE(HashOf({Set({1, 2}, {2}), Set({3}, {1})}, "attention_mask"), hash);
}

TEST(RequireRecorded, WantsAName) {
  EXPECT_NO_THROW(RequireRecorded("recorded.npz"));
  try {
    RequireRecorded("");
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUsage);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("--inputs"));
  }
}

}  // namespace
}  // namespace qi8::rounding
