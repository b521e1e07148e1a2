// The manual page, as man shows it.
#include "cli/manual.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "support/program.hpp"
#include "support/temp_folder.hpp"

namespace qi8::cli {
namespace {

using ::testing::HasSubstr;
using testing::ProgramResult;
using testing::RunProgram;

const std::string kPage = std::string(QI8_SHARE_FOLDER) + "man/man1/quantize-int8.1";

// The page without the marks of bold and underlined.
[[nodiscard]] std::string Shown() {
  const ProgramResult result =
      RunProgram("bash", {"-c", "mandoc -Tutf8 -Owidth=200 '" + kPage + "' | col -bx"});
  EXPECT_EQ(result.status, 0) << "mandoc is in the package of this name: " << result.err;
  return result.out;
}

TEST(ManualTest, IsWithoutMistakes) {
  const ProgramResult mandoc = RunProgram("mandoc", {"-Tlint", "-Wwarning", kPage});
  EXPECT_EQ(mandoc.status, 0) << mandoc.out << mandoc.err;
  EXPECT_EQ(mandoc.out, "");
  const ProgramResult man = RunProgram("man", {"--warnings", "--local-file", kPage},
                                       {.folder = {}, .environment = {"MANROFFSEQ=", "LC_ALL=C.UTF-8"}});
  EXPECT_EQ(man.status, 0) << man.err;
  EXPECT_EQ(man.err, "");
}

TEST(ManualTest, HasEveryOptionOfEveryCommandInItsSection) {
  const std::string page = Shown();
  for (const CommandText& command : DescribeCommands()) {
    const std::string title = command.name.empty() ? "OPTIONS" : "   " + command.full_name;
    const std::size_t begin = page.find("\n" + title + "\n");
    ASSERT_NE(begin, std::string::npos) << title;
    const std::size_t end =
        command.name.empty() ? page.find("\nCOMMANDS\n") : page.find("\n   quantize-int8 ", begin + 1);
    const std::string section = page.substr(begin, end - begin);
    for (const OptionText& option : command.options) {
      for (const std::string& name : option.names) {
        EXPECT_THAT(section, ::testing::ContainsRegex("\n     ([^\n]*, )?" + name + "[, \n]")) << title;
      }
    }
  }
}

TEST(ManualTest, EscapesWhatRoffWouldTakeForItsOwn) {
  const std::vector<CommandText> commands = {{.name = "",
                                              .full_name = "p",
                                              .summary = "s",
                                              .options = {{.names = {"--pattern"},
                                                           .argument = "RE",
                                                           .choices = {},
                                                           .description = ".It a\\b. 'quoted' text",
                                                           .default_value = "",
                                                           .group = "Options"}},
                                              .footer = ""}};
  const std::string page = ManualPage("\n@SYNOPSIS@\n@OPTIONS@\n@COMMANDS@\n", commands);
  EXPECT_THAT(page, HasSubstr("\n.It Fl -pattern Ar \\&RE\n\\&.It a\\eb.\n\\&'quoted' text.\n"));
  EXPECT_THROW(static_cast<void>(ManualPage("\n@SYNOPSIS@\n", commands)), std::invalid_argument);
}

}  // namespace
}  // namespace qi8::cli
