#include "support/golden.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "support/temp_folder.hpp"

namespace qi8::testing {

void ExpectGolden(const std::string& name, const std::string& text) {
  const auto path = std::filesystem::path(QI8_GOLDEN_FOLDER) / name;
  if (std::getenv("QI8_UPDATE_GOLDEN") != nullptr) {
    std::filesystem::create_directories(path.parent_path());
    WriteFile(path, text);
    return;
  }
  ASSERT_TRUE(std::filesystem::exists(path)) << "run scripts/update-golden to make tests/golden/" << name;
  EXPECT_EQ(text, ReadFile(path))
      << "if the change is meant, run scripts/update-golden and look at the difference";
}

}  // namespace qi8::testing
