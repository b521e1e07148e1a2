#include "cli/command_text.hpp"

#include "cli/commands.hpp"

namespace qi8::cli {

std::vector<CommandText> DescribeCommands() {
  std::vector<CommandText> texts;
  for (const NamedCommand& command : Commands()) {
    const DeclaredCommand declared = Declare(command);
    texts.push_back({.name = std::string(command.name),
                     .full_name = FullName(command),
                     .summary = std::string(command.summary),
                     .options = DescribeOptions(*declared.app),
                     .footer = declared.app->get_footer()});
  }
  return texts;
}

}  // namespace qi8::cli
