// What holds for every command and every option that it declares: a new one that is forgotten somewhere fails
// here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <set>
#include <sstream>

#include "cli/checks.hpp"
#include "cli/commands.hpp"
#include "cli/option_text.hpp"

namespace qi8::cli {
namespace {

using ::testing::HasSubstr;

class DeclarationsTest : public ::testing::TestWithParam<NamedCommand> {
 protected:
  DeclaredCommand declared_ = Declare(GetParam());
  std::vector<OptionText> options_ = DescribeOptions(*declared_.app);
};

TEST_P(DeclarationsTest, EveryOptionIsInTheHelp) {
  const std::string help = declared_.app->help();
  for (const OptionText& option : options_) {
    for (const std::string& name : option.names) EXPECT_THAT(help, HasSubstr(name));
    EXPECT_NE(option.description, "") << option.names[0];
  }
}

TEST_P(DeclarationsTest, HelpHasExamplesAndFitsATerminal) {
  std::istringstream help(declared_.app->help());
  bool examples = false;
  for (std::string line; std::getline(help, line);) {
    EXPECT_LE(line.size(), 80U) << line;
    EXPECT_TRUE(line.empty() || line.back() != ' ') << "'" << line << "'";
    examples = examples || line == "Examples:";
  }
  EXPECT_TRUE(examples);
}

TEST_P(DeclarationsTest, OptionsAreWordsWithDashesAndNoneStandsTwice) {
  std::set<std::string> seen;
  for (const OptionText& option : options_) {
    for (const std::string& name : option.names) {
      EXPECT_TRUE(seen.insert(name).second) << name;
      EXPECT_THAT(name, option.positional ? ::testing::MatchesRegex("[A-Z0-9]+")
                                          : ::testing::MatchesRegex("-[a-z]|--[a-z0-9-]+"));
    }
  }
}

// "TEXT" and "UINT" are CLI11's words for what nobody named.
TEST_P(DeclarationsTest, ArgumentsSayWhatTheyAre) {
  for (const OptionText& option : options_) {
    if (option.positional) continue;
    for (const char* type : {"TEXT", "UINT", "INT", "FLOAT", "BOOLEAN"}) {
      EXPECT_NE(option.argument, type) << option.names[0] << " has no type_name";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Commands, DeclarationsTest, ::testing::ValuesIn(Commands()),
                         [](const auto& command) {
                           return command.param.name.empty() ? "quantize" : std::string(command.param.name);
                         });

TEST(OptionTextTest, SaysWhatADeclarationSays) {
  CLI::App app;
  std::vector<std::string> list = {"a", "b"};
  std::string word = "one";
  bool flag = true;
  app.add_option("--list", list, "Some words")->type_name("WORD")->capture_default_str();
  OneOf(app.add_option("-w,--word", word, "A word"), {"one", "two"})->group("Words");
  app.add_flag("--on,!--off", flag, "A switch");
  app.add_option("INPUT", word, "A file")->required();
  app.add_option("--hidden", word, "For nobody")->group("");

  const std::vector<OptionText> texts = DescribeOptions(app);
  ASSERT_EQ(texts.size(), 5U);  // --help too
  const OptionText& words = texts[1];
  EXPECT_EQ(words.names, std::vector<std::string>{"--list"});
  EXPECT_TRUE(words.repeatable);
  EXPECT_EQ(words.default_value, "a,b");
  EXPECT_EQ(words.argument, "WORD");
  EXPECT_EQ(texts[2].names, (std::vector<std::string>{"-w", "--word"}));
  EXPECT_EQ(texts[2].choices, (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(texts[2].group, "Words");
  EXPECT_FALSE(texts[2].repeatable);
  EXPECT_TRUE(texts[3].is_flag());
  EXPECT_EQ(texts[3].names, (std::vector<std::string>{"--on", "--off"}));
  EXPECT_TRUE(texts[4].positional);
  EXPECT_TRUE(texts[4].required);
  EXPECT_EQ(texts[4].names, std::vector<std::string>{"INPUT"});
}

TEST(CommandsTest, AreFoundByTheirWord) {
  EXPECT_EQ(Commands().front().name, "");
  EXPECT_EQ(FindCommand(""), nullptr);
  EXPECT_EQ(FindCommand("aud"), nullptr);
  ASSERT_NE(FindCommand("audit"), nullptr);
  EXPECT_EQ(FullName(*FindCommand("audit")), "quantize-int8 audit");
  EXPECT_EQ(FullName(Commands().front()), "quantize-int8");
}

}  // namespace
}  // namespace qi8::cli
