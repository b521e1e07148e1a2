#include "rollout/yaml_section.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "qi8/error.hpp"

namespace qi8 {
namespace {

using ::testing::HasSubstr;

const std::vector<std::string> kKeys = {"name", "memory"};

// The text with the section's name and memory set.
[[nodiscard]] std::string Set(const std::string& text, const std::string& name, const std::string& memory,
                              const std::string& section = "audio") {
  const YamlSection parsed(text, "c.yaml", section, kKeys);
  return parsed.Replace(
      {{"name", WriteLike(parsed.at("name"), name)}, {"memory", WriteLike(parsed.at("memory"), memory)}});
}

TEST(YamlSectionTest, ChangesValuesAndNothingElse) {
  EXPECT_EQ(Set("audio:\n  name: abcdefgh\n  memory: 1\n", "hgfedcba", "2"),
            "audio:\n  name: hgfedcba\n  memory: 2\n");
  EXPECT_EQ(Set("# c\nx: [1, 2]\na:\n- audio:   # s\n    memory:   1   # m\n    \"name\": 'o''ne' # n\nz: &q "
                "{}\ny: *q",
                "it's", "12"),
            "# c\nx: [1, 2]\na:\n- audio:   # s\n    memory:   12   # m\n    \"name\": 'it''s' # n\nz: &q "
            "{}\ny: *q");
}

TEST(YamlSectionTest, KeepsLineEndingsByteOrderMarkTabsAndTheMissingEnd) {
  EXPECT_EQ(Set("audio:\r\n  name: \"a\"\r\n  memory: 1\t# x\r\n", "b", "2"),
            "audio:\r\n  name: \"b\"\r\n  memory: 2\t# x\r\n");
  EXPECT_EQ(Set("\xef\xbb\xbf"
                "audio:\n  name: \"\xc3\xa9\"\n  memory: 1",
                "\xc3\xb1", "2"),
            "\xef\xbb\xbf"
            "audio:\n  name: \"\xc3\xb1\"\n  memory: 2");
  EXPECT_EQ(Set("---\nn: \xe2\x82\xac\naudio:\n  name: \"a\"\n  memory: 1\n...\n", "b", "2"),
            "---\nn: \xe2\x82\xac\naudio:\n  name: \"b\"\n  memory: 2\n...\n");
}

TEST(YamlSectionTest, KeepsTheWayOfQuoting) {
  EXPECT_EQ(Set("audio:\n  name: \"a\"\n  memory: '1'\n", "q\"\\\n", "2"),
            "audio:\n  name: \"q\\\"\\\\\\x0a\"\n  memory: '2'\n");
  EXPECT_EQ(Set("audio:\n  name: 'a'\n  memory: \"1\"\n", "a\tb", "2"),
            "audio:\n  name: \"a\\x09b\"\n  memory: \"2\"\n");
}

TEST(YamlSectionTest, QuotesWhatWouldNotStayText) {
  const std::string text = "audio:\n  name: Model-1\n  memory: 1\n";
  for (const std::string name : {"true", "null", "123456", "1.5e7", "a: b.......", "#abcdefg", "abcdef # g",
                                 "", "*abcdefg", "- abcdefg", "~", "ab\"cdefg", "0x12345678", "Model 1 "}) {
    EXPECT_THAT(Set(text, name, "2"), HasSubstr("  name: \"")) << name;
  }
  EXPECT_THAT(Set(text, "Qwen3-Omni-3B-INT8", "2"), HasSubstr("  name: Qwen3-Omni-3B-INT8\n"));
  EXPECT_THAT(Set(text, "/models/q.onnx", "2"), HasSubstr("  name: /models/q.onnx\n"));
}

TEST(YamlSectionTest, SaysWhatStands) {
  const YamlSection section("a:\n  audio:\n    name: 'x''y'  # c\n    memory: 44\n", "c.yaml", "audio",
                            kKeys);
  EXPECT_EQ(section.path(), "a.audio");
  EXPECT_EQ(section.at("name").value, "x'y");
  EXPECT_EQ(section.at("name").source, "'x''y'");
  EXPECT_EQ(section.at("memory").source, "44");
}

TEST(YamlSectionTest, ASectionIsNamedByItsKeyOrByTheWayToIt) {
  const std::string text =
      "old:\n  audio:\n    name: \"a\"\n    memory: 1\nnew:\n  audio:\n    name: \"a\"\n    memory: 1\n";
  const std::string changed =
      "old:\n  audio:\n    name: \"a\"\n    memory: 1\nnew:\n  audio:\n    name: \"b\"\n    memory: 2\n";
  EXPECT_EQ(Set(text, "b", "2", "new.audio"), changed);
  EXPECT_THROW(static_cast<void>(Set(text, "b", "2", "audio")), Error);
}

struct Refused {
  std::string text;
  std::string word;
};

class YamlRefusedTest : public ::testing::TestWithParam<Refused> {};

TEST_P(YamlRefusedTest, SaysWhereAndWhy) {
  try {
    static_cast<void>(Set(GetParam().text, "b", "2"));
    ADD_FAILURE() << GetParam().text;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kFailure);
    EXPECT_THAT(error.what(), HasSubstr("'c.yaml'"));
    EXPECT_THAT(error.what(), HasSubstr(GetParam().word));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Texts, YamlRefusedTest,
    ::testing::Values(
        Refused{"", "no section 'audio'"}, Refused{"other:\n  name: a\n", "no section 'audio'"},
        Refused{"audio: text\n", "no section"}, Refused{"audio:\n", "no section"},
        Refused{"audio:\n  name: a\n", "'memory'"},
        Refused{"audio:\n  memory: 1\n", "missing; add 'name:' with its current value"},
        Refused{"audio:\n  name: a\n  name: b\n  memory: 1\n", "twice"},
        Refused{"audio:\n  name: a\n  memory: 1\naudio:\n  name: a\n  memory: 1\n", "several sections"},
        Refused{"audio:\n  name: a\n  memory: 1\n---\naudio:\n  name: a\n  memory: 1\n", "several sections"},
        Refused{"audio: {name: a, memory: 1}\n", "braces"},
        Refused{"audio: &x\n  name: a\n  memory: 1\nother: *x\n", "anchor"},
        Refused{"all: &x\n  audio:\n    name: a\n    memory: 1\nother: *x\n", "anchor"},
        Refused{"x: &x a\naudio:\n  name: *x\n  memory: 1\n", "alias"},
        Refused{"audio:\n  name: &x a\n  memory: 1\n", "anchor"},
        Refused{"x: &x\n  memory: 1\naudio:\n  <<: *x\n  name: a\n", "add 'memory:' with its current value"},
        Refused{"audio:\n  name: !!str a\n  memory: 1\n", "tag"},
        Refused{"audio:\n  name: [a]\n  memory: 1\n", "collection"},
        Refused{"audio:\n  name: a\n  memory:\n", "'memory'"},
        Refused{"audio:\n  name: a\n    b\n  memory: 1\n", "several lines"},
        Refused{"audio:\n  name: |\n    a\n  memory: 1\n", "several lines"},
        Refused{"audio:\n  name: >-\n    a\n  memory: 1\n", "several lines"},
        Refused{"audio:\n  name: \"a\n    b\"\n  memory: 1\n", "several lines"},
        Refused{"audio:\n  name: 'a\n    b'\n  memory: 1\n", "several lines"},
        Refused{"audio:\n  name: \"a\n", "line 2"}, Refused{",", "not valid YAML"},
        Refused{"audio:\n  name: a\n,\n", "not valid YAML"}, Refused{"audio: [\n", "not valid YAML"},
        Refused{"a: b: c\n", "not valid YAML"}, Refused{"audio:\n\tname: a\n", "'c.yaml'"},
        Refused{"x: *nowhere\n", "not valid YAML"}, Refused{std::string(100'000, '['), "not valid YAML"},
        Refused{std::string(100'000, '{'), "not valid YAML"}));

TEST(YamlSectionTest, RefusesAKeyThatIsEditedThroughAMerge) {
  // An explicit value beside a merge is its own.
  EXPECT_EQ(Set("x: &x\n  memory: 1\naudio:\n  <<: *x\n  name: \"a\"\n  memory: 3\n", "b", "2"),
            "x: &x\n  memory: 1\naudio:\n  <<: *x\n  name: \"b\"\n  memory: 2\n");
}

// Whatever bytes a file has: an error, or a change that reads as it should.
TEST(YamlSectionTest, EveryBeginningAndEveryChangedByteIsRefusedOrRight) {
  const std::string text =
      "# é\nm:\n  audio: # c\n    name: \"a\\\"b\" # d\n    memory: 1\n    x: 'y'\nz: [1, {a: b}]\n";
  std::size_t changed = 0;
  const auto check = [&](const std::string& candidate) {
    try {
      const YamlSection section(candidate, "c.yaml", "audio", kKeys);
      const std::string result = section.Replace({{"name", WriteLike(section.at("name"), "new name")},
                                                  {"memory", WriteLike(section.at("memory"), "77")}});
      const YamlSection again(result, "c.yaml", "audio", kKeys);
      EXPECT_EQ(again.at("name").value, "new name") << candidate;
      EXPECT_EQ(again.at("memory").value, "77") << candidate;
      // And back.
      EXPECT_EQ(again.Replace({{"name", section.at("name")}, {"memory", section.at("memory")}}), candidate);
      ++changed;
    } catch (const Error&) {
    }
  };
  for (std::size_t i = 0; i <= text.size(); ++i) check(text.substr(0, i));
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (const char c : std::string("\0\n\r\t '\"#:-{}[]&*!|>%@`,\\\xff\xef", 25)) {
      std::string candidate = text;
      candidate[i] = c;
      check(candidate);
    }
  }
  EXPECT_GT(changed, 500U);
}

}  // namespace
}  // namespace qi8
