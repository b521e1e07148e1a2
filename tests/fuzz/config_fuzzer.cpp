// Any text as a configuration file: options that are set, or an error that names the file.
#include "cli/commands.hpp"
#include "cli/config_file.hpp"
#include "fuzz/fuzz_target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto quantize = qi8::cli::Declare(qi8::cli::Commands().front());
  try {
    qi8::cli::ApplyConfig(*quantize.app, text, "c.toml");
  } catch (const CLI::ConfigError& error) {
    qi8::testing::Require(std::string_view(error.what()).find("c.toml") != std::string_view::npos,
                          "an error names the file");
  }
  return 0;
}
