#include "cli/model_path.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "qi8/error.hpp"
#include "support/temp_folder.hpp"

namespace qi8::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::TempFolder;
using ::testing::ThrowsMessage;
using testing::WriteFile;

TEST(ModelAt, IsAFileItselfBeItThereOrNot) {
  const TempFolder folder;
  EXPECT_EQ(ModelAt(folder / "m.onnx"), folder / "m.onnx");
}

TEST(ModelAt, IsTheOneModelOfAFolder) {
  const TempFolder folder;
  EXPECT_THAT([&] { static_cast<void>(ModelAt(folder.path())); },
              ThrowsMessage<Error>(HasSubstr("has no .onnx file in it")));
  WriteFile(folder / "m.onnx", "");
  WriteFile(folder / "m.onnx.data", "");
  EXPECT_EQ(ModelAt(folder.path()), folder / "m.onnx");
  WriteFile(folder / "another.onnx", "");
  EXPECT_THAT([&] { static_cast<void>(ModelAt(folder.path())); },
              ThrowsMessage<Error>(AllOf(HasSubstr("several models: 'another.onnx', 'm.onnx'"),
                                         HasSubstr("name one of them"))));
}

}  // namespace
}  // namespace qi8::cli
