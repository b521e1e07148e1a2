#include "cli/config_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/checks.hpp"
#include "cli/commands.hpp"
#include "cli/option_text.hpp"
#include "cli/quantity.hpp"
#include "support/temp_folder.hpp"

namespace qi8::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::ReadFile;
using testing::TempFolder;
using testing::WriteFile;

class ConfigFileTest : public ::testing::Test {
 protected:
  ConfigFileTest() {
    AddConfigOption(app_);
    app_.add_option("--list", list_)->delimiter(',')->capture_default_str();
    app_.add_option("--pattern", patterns_)->allow_extra_args(false);
    app_.add_option("--number", number_)->type_name("N")->check(WholeNumber(0, 10));
    app_.add_option("--size", size_)->type_name("SIZE")->transform(InBytes());
    app_.add_option("--switch", switch_)->type_name("BOOL");
    app_.add_flag("-f,--flag,!--no-flag", flag_);
    app_.add_option("--name", name_);
    app_.add_option("INPUT", input_);
  }

  // Parses the arguments with --config naming a file of this text.
  void Parse(const std::string& text, std::vector<std::string> arguments = {}) {
    WriteFile(folder_ / "c.toml", text);
    arguments.insert(arguments.end(), {"--config", (folder_ / "c.toml").native()});
    std::reverse(arguments.begin(), arguments.end());
    app_.parse(arguments);
  }

  void ExpectError(const std::string& text, const std::vector<std::string>& words) {
    try {
      Parse(text);
      ADD_FAILURE() << text;
    } catch (const CLI::ConfigError& error) {
      EXPECT_THAT(error.what(), HasSubstr("c.toml'")) << text;
      for (const std::string& word : words) EXPECT_THAT(error.what(), HasSubstr(word)) << text;
    }
  }

  TempFolder folder_;
  CLI::App app_;
  std::vector<std::string> list_ = {"x"};
  std::vector<std::string> patterns_;
  int number_ = 1;
  std::uint64_t size_ = 0;
  bool switch_ = true;
  bool flag_ = false;
  std::string name_ = "default";
  std::string input_;
};

TEST_F(ConfigFileTest, SetsEveryKindOfOption) {
  Parse(
      "# comment\n"
      "list = ['a', \"b\"]\n"
      "pattern = ['^a,b # c$', \"tab\\t\"]\n"
      "number = 0x7\n"
      "size = '3KiB'\n"
      "switch = false\n"
      "flag = true\n"
      "name = 'a \"name\"'\n");
  EXPECT_THAT(list_, ElementsAre("a", "b"));
  EXPECT_THAT(patterns_, ElementsAre("^a,b # c$", "tab\t"));
  EXPECT_EQ(number_, 7);
  EXPECT_EQ(size_, 3072U);
  EXPECT_FALSE(switch_);
  EXPECT_TRUE(flag_);
  EXPECT_EQ(name_, "a \"name\"");
}

TEST_F(ConfigFileTest, WhatItDoesNotNameStays) {
  Parse("pattern = []\nflag = false\n");
  EXPECT_THAT(list_, ElementsAre("x"));
  EXPECT_EQ(number_, 1);
  EXPECT_EQ(name_, "default");
  EXPECT_FALSE(flag_);
  EXPECT_TRUE(patterns_.empty());
}

TEST_F(ConfigFileTest, TheCommandLineCountsMore) {
  const std::string text =
      "list = ['a']\npattern = ['a']\nnumber = 7\nsize = 5\nswitch = false\nflag = true\nname = 'file'\n";
  Parse(text, {"--list", "b,c", "--pattern", "b", "--number", "8", "--size", "6", "--switch", "true",
               "--flag=false", "--name", "line"});
  EXPECT_THAT(list_, ElementsAre("b", "c"));
  EXPECT_THAT(patterns_, ElementsAre("b"));
  EXPECT_EQ(number_, 8);
  EXPECT_EQ(size_, 6U);
  EXPECT_TRUE(switch_);
  EXPECT_FALSE(flag_);
  EXPECT_EQ(name_, "line");
}

TEST_F(ConfigFileTest, TheOppositeOfAFlagOnTheCommandLineCountsMore) {
  Parse("flag = true\n", {"--no-flag"});
  EXPECT_FALSE(flag_);
}

TEST_F(ConfigFileTest, SaysWhereAKeyIsUnknown) {
  ExpectError("number = 1\nnmuber = 2\n", {"line 2", "'nmuber'", "did you mean number?"});
  ExpectError("no-flag = true\n", {"line 1", "'no-flag'", "'flag'"});
  ExpectError("f = true\n", {"'f'"});
  ExpectError("INPUT = 'x'\n", {"'INPUT'"});
  ExpectError("config = 'x'\n", {"'config'"});
  ExpectError("help = true\n", {"'help'"});
  ExpectError("[section]\nnumber = 1\n", {"line 1", "'section'"});
  ExpectError("a.b = 1\n", {"'a'"});
  ExpectError("\"\\u001b[2J\" = 1\n", {"'\\x1b[2J'"});
}

TEST_F(ConfigFileTest, SaysWhereATypeIsWrong) {
  ExpectError("number = '1'\n", {"line 1", "'number'", "whole number"});
  ExpectError("\nnumber = 1.0\n", {"line 2", "whole number"});
  ExpectError("number = [1]\n", {"whole number"});
  ExpectError("flag = 1\n", {"'flag'", "true or false"});
  ExpectError("flag = 'true'\n", {"true or false"});
  ExpectError("switch = 'false'\n", {"'switch'", "true or false"});
  ExpectError("size = true\n", {"'size'", "96MiB"});
  ExpectError("name = 1\n", {"'name'", "string"});
  ExpectError("name = 2024-01-01\n", {"'name'", "string"});
  ExpectError("name = {a = 1}\n", {"'name'", "string"});
  ExpectError("list = 'a'\n", {"'list'", "array of strings"});
  ExpectError("list = ['a', 1]\n", {"array of strings"});
  ExpectError("list = [['a']]\n", {"array of strings"});
  ExpectError("list = []\n", {"'list'", "empty"});
}

TEST_F(ConfigFileTest, SaysWhereAValueIsWrong) {
  ExpectError("\n\nnumber = 11\n", {"line 3", "--number: ", "11"});
  ExpectError("number = 99999999999\n", {"--number: "});
  ExpectError("size = 'lots'\n", {"--size: ", "lots"});
}

TEST_F(ConfigFileTest, SaysWhereItIsNoToml) {
  ExpectError("number\n", {"line 1", "TOML"});
  ExpectError("number = 1\nnumber = 2\n", {"line 2", "number"});
  ExpectError("name = 'open\n", {"line 1"});
  ExpectError("name = \"\\q\"\n", {"line 1"});
  ExpectError(std::string("name = 'a\0b'\n", 13), {"line 1"});
  ExpectError("name = '\xff'\n", {"line 1"});
  ExpectError("number = 99999999999999999999\n", {"line 1"});
  ExpectError("list = " + std::string(100'000, '['), {"TOML"});
  ExpectError(std::string(2U << 20U, '#'), {"1 MiB"});
}

TEST_F(ConfigFileTest, SaysWhyItCannotBeRead) {
  const auto message = [this](const std::string& file) -> std::string {
    try {
      app_.parse(std::vector<std::string>{file, "--config"});
    } catch (const CLI::ParseError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(message("nowhere/c.toml"), AllOf(HasSubstr("'nowhere/c.toml'"), HasSubstr("No such file")));
  EXPECT_THAT(message(folder_.path()), HasSubstr("Is a directory"));
  EXPECT_THAT(message("/dev/zero"), HasSubstr("1 MiB"));
}

// --- the files in config/

[[nodiscard]] std::string ConfigFile(const std::string& name) {
  return ReadFile(std::string(QI8_CONFIG_FOLDER) + name);
}

// Those that people are to see: former names are understood, and no more.
[[nodiscard]] std::vector<CLI::Option*> Configurable(CLI::App& app) {
  std::vector<CLI::Option*> options;
  for (CLI::Option* option : app.get_options()) {
    const bool is_shown = !option->get_group().empty();
    if (is_shown && option->get_configurable() && !option->get_lnames().empty()) options.push_back(option);
  }
  return options;
}

TEST(DefaultConfigTest, NamesEveryOptionOnce) {
  const std::string text = "\n" + ConfigFile("default.toml");
  const DeclaredCommand quantize = Declare(Commands().front());
  const auto options = Configurable(*quantize.app);
  EXPECT_GT(options.size(), 25U);
  for (const CLI::Option* option : options) {
    const std::string key = option->get_lnames().front() + " = ";
    const std::size_t times = (text.find("\n" + key) != std::string::npos ? 1U : 0U) +
                              (text.find("\n# " + key) != std::string::npos ? 1U : 0U);
    EXPECT_EQ(times, 1U) << "config/default.toml has no key (or two): " << key;
  }
}

// A value in the file is what help says is the default; flags are false but for those that are on.
TEST(DefaultConfigTest, HasTheDefaults) {
  const DeclaredCommand quantize = Declare(Commands().front());
  ApplyConfig(*quantize.app, ConfigFile("default.toml"), "default.toml");
  for (const CLI::Option* option : Configurable(*quantize.app)) {
    if (option->empty()) continue;
    const OptionText text = Describe(*option);
    const std::string value = CLI::detail::join(option->results(), ",");
    if (text.is_flag()) {
      EXPECT_EQ(value, text.names.front() == "--symmetric" ? "true" : "false") << text.names.front();
    } else if (text.names.front() == "--memory-budget") {
      EXPECT_EQ(value, std::to_string(96U << 20U));
    } else if (text.names.front() == "--timeout") {
      EXPECT_EQ(value + "s", text.default_value);
    } else {
      EXPECT_EQ(value, text.default_value) << text.names.front();
    }
  }
}

TEST(DefaultConfigTest, WhatStandsBehindASignIsValid) {
  std::string text = ConfigFile("default.toml");
  const DeclaredCommand quantize = Declare(Commands().front());
  std::size_t uncommented = 0;
  for (const CLI::Option* option : Configurable(*quantize.app)) {
    const std::string line = "\n# " + option->get_lnames().front() + " = ";
    const std::size_t at = text.find(line);
    if (at == std::string::npos) continue;
    text.erase(at + 1, 2);
    ++uncommented;
  }
  EXPECT_EQ(uncommented, 19U);
  EXPECT_NO_THROW(ApplyConfig(*quantize.app, text, "default.toml"));
}

TEST(AgiAudioCoreConfigTest, IsValid) {
  const DeclaredCommand quantize = Declare(Commands().front());
  ApplyConfig(*quantize.app, ConfigFile("agi_audio_core.toml"), "agi_audio_core.toml");
  EXPECT_EQ(quantize.app->get_option("--matmul-const-b-only")->as<std::string>(), "false");
  EXPECT_EQ(quantize.app->get_option("--optimize")->as<std::string>(), "basic");
  EXPECT_EQ(quantize.app->get_option("--checksums")->as<std::string>(), "models/onnx/CHECKSUMS.txt");
}

}  // namespace
}  // namespace qi8::cli
