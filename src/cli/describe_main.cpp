// describe-cli bash|zsh|fish, or: describe-cli man TEMPLATE
//
// Prints the completion script of a shell, or the manual page. The build runs it; it is not installed.
#include <cstdio>
#include <exception>
#include <fstream>
#include <sstream>
#include <string>

#include "cli/completions.hpp"
#include "cli/manual.hpp"

namespace {

std::string Describe(const std::string& what, const std::string& file) {
  using namespace qi8::cli;
  const auto commands = DescribeCommands();
  if (what == "bash") return BashCompletion(commands);
  if (what == "zsh") return ZshCompletion(commands);
  if (what == "fish") return FishCompletion(commands);
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return ManualPage(text.str(), commands);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::string text = Describe(argc > 1 ? argv[1] : "", argc > 2 ? argv[2] : "");
    return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0 ? 0
                                                                                                       : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "describe-cli: %s\n", error.what());
    return 1;
  }
}
