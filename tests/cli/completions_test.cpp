// Completion scripts, in the shells that they are for.
#include "cli/completions.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "support/program.hpp"
#include "support/temp_folder.hpp"
#include "support/terminal.hpp"

namespace qi8::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::ReadFile;
using testing::RunProgram;
using testing::TempFolder;
using testing::Terminal;
using testing::WriteFile;

[[nodiscard]] std::string Script(const std::string& path) { return std::string(QI8_SHARE_FOLDER) + path; }
const std::string kBash = Script("bash-completion/completions/quantize-int8");
const std::string kZsh = Script("zsh/site-functions/_quantize-int8");
const std::string kFish = Script("fish/vendor_completions.d/quantize-int8.fish");

TEST(CompletionsTest, KnowEveryOptionOfEveryCommand) {
  const std::string bash = ReadFile(kBash);
  const std::string zsh = ReadFile(kZsh);
  const std::string fish = ReadFile(kFish);
  for (const CommandText& command : DescribeCommands()) {
    const std::string bash_case =
        "\n    " + (command.name.empty() ? "''" : command.name) + ") _quantize_int8_reply -W '";
    const std::size_t begin = bash.find(bash_case);
    ASSERT_NE(begin, std::string::npos) << bash_case;
    const std::string bash_words = bash.substr(begin, bash.find(";;", begin) - begin);
    for (const OptionText& option : command.options) {
      if (option.positional) continue;
      for (const std::string& name : option.names) {
        EXPECT_THAT(bash_words, ::testing::ContainsRegex("[ ']" + name + "[ ']")) << command.full_name;
        EXPECT_THAT(zsh, HasSubstr(name + (option.is_flag() || !name.starts_with("--") ? "[" : "=[")));
        const std::string in_fish =
            name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
        EXPECT_THAT(fish, HasSubstr(in_fish + " ")) << command.full_name;
      }
    }
  }
}

// A folder with a model, an audit log and a sub-folder; and a shell in it.
class ShellTest : public ::testing::Test {
 protected:
  ShellTest() {
    WriteFile(folder_ / "model.onnx", "");
    WriteFile(folder_ / "quantization_log.jsonl", "");
    std::filesystem::create_directory(folder_ / "state");
  }
  TempFolder folder_;
};

TEST_F(ShellTest, Fish) {
  const auto complete = [&](const std::string& line) {
    const std::string command =
        "cd " + folder_.path().native() + "; source " + kFish + "; complete -C '" + line + "'";
    const auto result = RunProgram("fish", {"--no-config", "-c", command});
    EXPECT_EQ(result.status, 0) << "fish is in the package of this name: " << result.err;
    EXPECT_EQ(result.err, "");
    return result.out;
  };
  EXPECT_THAT(complete("quantize-int8 --progr"), HasSubstr("--progress\tauto: on a terminal\n"));
  EXPECT_THAT(complete("quantize-int8 --progress a"),
              ::testing::MatchesRegex("always\t[^\n]*\nauto\t[^\n]*\n"));
  EXPECT_THAT(complete("quantize-int8 --progress=nev"), HasSubstr("--progress=never\t"));
  EXPECT_THAT(complete("quantize-int8 aud"), HasSubstr("audit\t"));
  EXPECT_THAT(complete("quantize-int8 mod"), HasSubstr("model.onnx"));
  EXPECT_THAT(complete("quantize-int8 --checksums quant"), HasSubstr("quantization_log.jsonl"));
  EXPECT_THAT(complete("quantize-int8 audit --"), AllOf(HasSubstr("--json"), Not(HasSubstr("--progress"))));
  EXPECT_THAT(complete("quantize-int8 rollout --root st"), HasSubstr("state/"));
  EXPECT_THAT(complete("quantize-int8 rollout --root mod"), Not(HasSubstr("model.onnx")));
}

class TypedTest : public ShellTest, public ::testing::WithParamInterface<std::string> {
 protected:
  // The line, after a tab, as the shell shows it.
  [[nodiscard]] std::string Complete(Terminal& shell, const std::string& line, const std::string& expected) {
    shell.Type("\x15" + line + "\t");  // control-u: away with what is there
    return shell.WaitFor(expected);
  }
};

TEST_P(TypedTest, CompletesWhatIsTyped) {
  const bool is_bash = GetParam() == "bash";
  Terminal shell(is_bash ? std::vector<std::string>{"bash", "--norc", "--noprofile", "-i"}
                         : std::vector<std::string>{"zsh", "-f", "-i"});
  shell.Type("cd " + folder_.path().native() + "\n");
  if (is_bash) {
    shell.Type("bind 'set enable-bracketed-paste off'; source " + kBash + "; echo rea''dy\n");
  } else {
    shell.Type(
        "fpath=(" + std::filesystem::path(kZsh).parent_path().native() +
        " $fpath); autoload -U compinit; compinit -u -D; unsetopt zle_bracketed_paste; echo rea''dy\n");
  }
  ASSERT_THAT(shell.WaitFor("ready"), HasSubstr("ready")) << "bash and zsh are in packages of these names";
  for (const auto& [typed, expected] : std::vector<std::pair<std::string, std::string>>{
           {"quantize-int8 --progr", "--progress"},
           {"quantize-int8 --progress alw", "--progress always"},
           {"quantize-int8 --progress=nev", "--progress=never"},
           {"quantize-int8 a.onnx b.onnx --no-inp", "--no-input-checksum"},
           {"quantize-int8 audi", "audit "},
           {"quantize-int8 mod", "model.onnx"},
           {"quantize-int8 --checksums quant", "--checksums quantization_log.jsonl"},
           {"quantize-int8 audit --js", "audit --json"},
           {"quantize-int8 audit quant", "audit quantization_log.jsonl"},
           {"quantize-int8 rollout c.yaml --max-m", "--max-memory-mb"},
           {"quantize-int8 rollout c.yaml --root st", "--root state/"}}) {
    EXPECT_THAT(Complete(shell, typed, expected), HasSubstr(expected)) << typed;
  }
}

INSTANTIATE_TEST_SUITE_P(Shells, TypedTest, ::testing::Values("bash", "zsh"),
                         [](const auto& shell) { return shell.param; });

}  // namespace
}  // namespace qi8::cli
