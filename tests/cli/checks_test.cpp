#include "cli/checks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/commands.hpp"
#include "cli/option_text.hpp"

namespace qi8::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

[[nodiscard]] std::string MessageOf(const CLI::Validator& check, std::string text) { return check(text); }

TEST(WholeNumberTest, SaysWhatWasGivenAndWhatIsWanted) {
  EXPECT_EQ(MessageOf(WholeNumber(), "0"), "");
  EXPECT_EQ(MessageOf(WholeNumber(), "18446744073709551615"), "");
  for (const std::string text : {"-1", "abc", "", "1.5", "1e3", "18446744073709551616", "0x10", " 1"}) {
    EXPECT_EQ(MessageOf(WholeNumber(), text), "'" + text + "' is not a whole number");
  }
  EXPECT_EQ(MessageOf(WholeNumber(1, 1024), "1024"), "");
  EXPECT_EQ(MessageOf(WholeNumber(1, 1024), "0"), "'0' is not a whole number from 1 to 1024");
  EXPECT_EQ(MessageOf(WholeNumber(1, 1024), "1025"), "'1025' is not a whole number from 1 to 1024");
}

TEST(NumberTest, IsFinite) {
  EXPECT_EQ(MessageOf(Number(), "-2.5e3"), "");
  for (const std::string text : {"abc", "", "inf", "nan", "1x"}) {
    EXPECT_EQ(MessageOf(Number(), text), "'" + text + "' is not a number");
  }
}

TEST(IsSha256Test, IsSixtyFourDigits) {
  EXPECT_EQ(MessageOf(IsSha256(), std::string(64, 'a')), "");
  for (const std::string& text :
       {std::string(63, 'a'), std::string(64, 'A'), std::string(64, 'g'), std::string()}) {
    EXPECT_THAT(MessageOf(IsSha256(), text), HasSubstr("is not a SHA-256: 64 hexadecimal digits"));
  }
}

TEST(TrueOrFalseTest, TakesTheWordsThatFlagsTake) {
  for (const char* text : {"true", "false", "on", "off", "1", "0"}) {
    EXPECT_EQ(MessageOf(TrueOrFalse(), text), "") << text;
  }
  EXPECT_EQ(MessageOf(TrueOrFalse(), "perhaps"), "'perhaps' is not true or false");
}

TEST(OneOfTest, ListsTheWords) {
  CLI::App app;
  std::string value;
  OneOf(app.add_option("--x", value), {"a", "b"});
  try {
    app.parse("--x=c");
    ADD_FAILURE();
  } catch (const CLI::ParseError& error) {
    EXPECT_STREQ(error.what(), "--x: 'c' is not one of a, b");
  }
}

TEST(NoStandardStreamTest, NamesTheWayOut) {
  EXPECT_THAT(MessageOf(NoStandardStream(), "-"), HasSubstr("./-"));
  EXPECT_EQ(MessageOf(NoStandardStream(), "./-"), "");
  EXPECT_EQ(MessageOf(NoStandardStream(), "-x"), "");
}

// No option of any command leaves it to CLI11 to say that it could not convert something.
TEST(TypeChecks, SayInOurWordsWhatIsWrong) {
  std::size_t checked = 0;
  for (const NamedCommand& command : Commands()) {
    for (const OptionText& option : DescribeOptions(*Declare(command).app)) {
      if (option.positional || option.is_flag()) continue;
      auto [made, app] = Declare(command);
      for (CLI::Option* positional : app->get_options()) positional->required(false);
      try {
        app->parse(option.names.back() + "=nonsense");
      } catch (const CLI::ConfigError&) {  // a file that is not there
      } catch (const CLI::ParseError& error) {
        EXPECT_THAT(error.what(), Not(HasSubstr("Could not convert"))) << app->get_name();
        EXPECT_THAT(error.what(), HasSubstr("'nonsense' is not")) << app->get_name();
        ++checked;
      }
    }
  }
  EXPECT_GT(checked, 20U);
}

}  // namespace
}  // namespace qi8::cli
