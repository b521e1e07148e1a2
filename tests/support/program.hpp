// Runs a program as a shell would, and tells how it ended.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace qi8::testing {

struct ProgramResult {
  int status = -1;  // exit status, or 128 + signal
  std::string out;
  std::string err;
  std::uint64_t peak_memory =
      0;  // bytes; its largest resident set, or that of this process where it is larger
};

struct ProgramOptions {
  std::filesystem::path folder;          // to run in; empty: that of the test
  std::vector<std::string> environment;  // "NAME=value", besides those of the test
};

[[nodiscard]] ProgramResult RunProgram(const std::filesystem::path& program,
                                       const std::vector<std::string>& arguments,
                                       const ProgramOptions& options = {});

// Starts a program and does not wait for its end; both its streams go to the file `said`.
[[nodiscard]] pid_t StartProgram(const std::filesystem::path& program,
                                 const std::vector<std::string>& arguments, const std::filesystem::path& said,
                                 const ProgramOptions& options = {});

// Waits for a program that was started: its exit status, or 128 + signal.
[[nodiscard]] int StatusOf(pid_t program);

// The quantize-int8 that was built with the tests.
[[nodiscard]] ProgramResult RunQuantizeInt8(const std::vector<std::string>& arguments,
                                            const ProgramOptions& options = {});

}  // namespace qi8::testing
