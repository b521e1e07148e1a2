// The message of an error that a test expects.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "qi8/error.hpp"

namespace qi8::testing {

// What the failure says that `work` ends with. The test fails where it ends well, or with an error of another
// kind.
template <typename Work>
[[nodiscard]] std::string FailureOf(Work work) {
  try {
    work();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kFailure);
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

}  // namespace qi8::testing
