#include "qi8/form.hpp"

#include <gtest/gtest.h>

namespace qi8 {
namespace {

TEST(ParseForm, ReadsEveryNameAndNoOther) {
  for (const std::string& name : FormNames()) {
    const auto form = ParseForm(name);
    ASSERT_TRUE(form) << name;
    EXPECT_EQ(NameOf(*form), name);
  }
  EXPECT_EQ(FormNames().size(), 10U);
  EXPECT_EQ(ParseForm("blockwise"), ParseForm("blockwise-32"));
  for (const char* name : {"", "per_token", "blockwise-31", "blockwise-", "Per-Token", "int8"}) {
    EXPECT_FALSE(ParseForm(name)) << name;
  }
}

}  // namespace
}  // namespace qi8
