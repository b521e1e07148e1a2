// The tree that `cmake --install` makes, and a folder to work in.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "support/program.hpp"
#include "support/temp_folder.hpp"

namespace qi8::testing {

// Installs once for all tests, and moves the tree then: it must not know where it is.
class InstallTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TempFolder>();
    const ProgramResult result =
        Run("cmake", {"--install", QI8_BUILD_FOLDER, "--prefix", (*folder_ / "first").native()});
    ASSERT_EQ(result.status, 0) << result.out << result.err;
    std::filesystem::rename(*folder_ / "first", Prefix());
  }
  static void TearDownTestSuite() { folder_.reset(); }

  [[nodiscard]] static const TempFolder& Folder() { return *folder_; }
  [[nodiscard]] static std::filesystem::path Prefix() { return *folder_ / "prefix"; }
  [[nodiscard]] static std::filesystem::path Doc() { return Prefix() / "share/doc/quantize-int8"; }
  [[nodiscard]] static std::filesystem::path Examples() { return Doc() / "examples"; }

  [[nodiscard]] static ProgramResult Run(const std::string& program,
                                         const std::vector<std::string>& arguments) {
    return RunProgram(program, arguments, {.folder = folder_->path(), .environment = {}});
  }
  [[nodiscard]] static ProgramResult QuantizeInt8(const std::vector<std::string>& arguments) {
    return Run((Prefix() / "bin/quantize-int8").native(), arguments);
  }

 private:
  inline static std::unique_ptr<TempFolder> folder_;
};

}  // namespace qi8::testing
