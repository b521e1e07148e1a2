#include "io/temporary_folder.hpp"

#include <gtest/gtest.h>

namespace qi8 {
namespace {

TEST(TemporaryFolderTest, IsGoneWithAllThatIsInIt) {
  const auto files = MakePosixFileSystem();
  std::filesystem::path path;
  {
    const TemporaryFolder folder(*files);
    path = folder.path();
    static_cast<void>(folder.folder().Create("a"));
    EXPECT_TRUE(std::filesystem::exists(path / "a"));
    EXPECT_EQ(std::filesystem::status(path).permissions() & std::filesystem::perms::others_all,
              std::filesystem::perms::none);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace qi8
