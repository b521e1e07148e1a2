#include "model/foreign_format.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/model_builder.hpp"

namespace qi8 {
namespace {

using ::testing::HasSubstr;

TEST(ForeignFormat, IsNamedWithWhatToDo) {
  const std::string rest(600, '\x7f');
  const std::pair<std::string, std::string> kFiles[] = {
      {"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"},
      {"PK\x03\x04" + rest, "torch.onnx.export"},
      {std::string(257, 'x') + "ustar" + rest, "tar -xf"},
      {"\x28\xb5\x2f\xfd" + rest, "unzstd"},
      {std::string(kForeignFormatBytes, '\0'), "fetch it again"},
      {"\n <!DOCTYPE html>", "HTML page"},
      {"Entry not found", "text file, not an ONNX model; name the .onnx file"},
      {"una ca\xc3\xb1"
       "a",
       "text file"},
  };
  for (const auto& [bytes, words] : kFiles) EXPECT_THAT(NameForeignFormat(bytes), HasSubstr(words));
}

TEST(ForeignFormat, OfAModelAndOfUnknownBytesIsNone) {
  testing::ModelBuilder builder;
  builder.Input("x", {1}).Node("Op", {"x"}, {"y"});
  EXPECT_EQ(NameForeignFormat(builder.model().SerializeAsString()), "");
  EXPECT_EQ(NameForeignFormat(""), "");
  EXPECT_EQ(NameForeignFormat("\x7f"
                              "ELF"),
            "");
  EXPECT_EQ(NameForeignFormat(std::string(3, '\0') + "TFL3"), "") << "the mark is in another place";
}

}  // namespace
}  // namespace qi8
