#include "support/program.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include "support/temp_folder.hpp"

namespace qi8::testing {
namespace {

[[noreturn]] void RunChild(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                           const ProgramOptions& options, const TempFolder& capture) {
  const auto redirect = [](const char* path, int flags, int target) {
    const int fd = ::open(path, flags, 0600);
    return fd >= 0 && ::dup2(fd, target) == target;
  };
  const bool ready = redirect("/dev/null", O_RDONLY, STDIN_FILENO) &&
                     redirect((capture / "out").c_str(), O_WRONLY | O_CREAT, STDOUT_FILENO) &&
                     redirect((capture / "err").c_str(), O_WRONLY | O_CREAT, STDERR_FILENO) &&
                     (options.folder.empty() || ::chdir(options.folder.c_str()) == 0);
  if (!ready) ::_exit(127);
  for (const std::string& setting : options.environment) ::putenv(::strdup(setting.c_str()));
  std::vector<char*> argv = {::strdup(program.c_str())};
  for (const std::string& argument : arguments) argv.push_back(::strdup(argument.c_str()));
  argv.push_back(nullptr);
  ::execvp(argv[0], argv.data());
  ::_exit(127);
}

}  // namespace

ProgramResult RunProgram(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                         const ProgramOptions& options) {
  const TempFolder capture;
  const pid_t child = ::fork();
  if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (child == 0) RunChild(program, arguments, options, capture);
  int status = 0;
  rusage usage{};
  while (::wait4(child, &status, 0, &usage) < 0) {
    if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "wait4");
  }
  constexpr std::uint64_t kUnit = 1024;  // Linux counts in KiB
  return {.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
          .out = ReadFile(capture / "out"),
          .err = ReadFile(capture / "err"),
          .peak_memory = static_cast<std::uint64_t>(usage.ru_maxrss) * kUnit};
}

ProgramResult RunQuantizeInt8(const std::vector<std::string>& arguments, const ProgramOptions& options) {
  return RunProgram(QI8_PROGRAM, arguments, options);
}

}  // namespace qi8::testing
