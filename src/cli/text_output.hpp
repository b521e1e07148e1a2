// A file of text that a command writes at the end and that may replace one it wrote before, and nothing else:
// not what a person wrote, not a model, not what a link leads to.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "io/file_system.hpp"

namespace qi8::cli {

struct TextOutput {
  std::filesystem::path path;
  std::string argument;                       // that names it, for messages: "--report"
  std::string_view mark;                      // what every such file begins with
  std::string kind;                           // "report that compare wrote"
  std::vector<std::filesystem::path> inputs;  // of the command
};

// Throws Error of kind kFailure where the file may not be written.
void CheckTextOutput(FileSystem& file_system, const TextOutput& output);

// Checks again, as the command took its time, and writes it as a whole.
void WriteTextOutput(FileSystem& file_system, const TextOutput& output, const std::string& text);

}  // namespace qi8::cli
