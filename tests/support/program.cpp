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

struct Streams {
  std::filesystem::path out;
  std::filesystem::path err;  // empty: the same
};

[[noreturn]] void Become(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                         const ProgramOptions& options, const Streams& streams) {
  const auto redirect = [](const char* path, int flags, int target) {
    const int fd = ::open(path, flags, 0600);
    return fd >= 0 && ::dup2(fd, target) == target;
  };
  constexpr int kWrite = O_WRONLY | O_CREAT | O_TRUNC;
  const bool ready = redirect("/dev/null", O_RDONLY, STDIN_FILENO) &&
                     redirect(streams.out.c_str(), kWrite, STDOUT_FILENO) &&
                     (streams.err.empty() ? ::dup2(STDOUT_FILENO, STDERR_FILENO) == STDERR_FILENO
                                          : redirect(streams.err.c_str(), kWrite, STDERR_FILENO)) &&
                     (options.folder.empty() || ::chdir(options.folder.c_str()) == 0);
  if (!ready) ::_exit(127);
  for (const std::string& setting : options.environment) ::putenv(::strdup(setting.c_str()));
  std::vector<char*> argv = {::strdup(program.c_str())};
  for (const std::string& argument : arguments) argv.push_back(::strdup(argument.c_str()));
  argv.push_back(nullptr);
  ::execvp(argv[0], argv.data());
  ::_exit(127);
}

[[nodiscard]] pid_t Start(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                          const ProgramOptions& options, const Streams& streams) {
  const pid_t child = ::fork();
  if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (child == 0) Become(program, arguments, options, streams);
  return child;
}

struct Ending {
  int status;
  std::uint64_t peak_memory;
};

[[nodiscard]] Ending WaitFor(pid_t program) {
  int status = 0;
  rusage usage{};
  while (::wait4(program, &status, 0, &usage) < 0) {
    if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "wait4");
  }
  constexpr std::uint64_t kUnit = 1024;  // Linux counts in KiB
  return {.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
          .peak_memory = static_cast<std::uint64_t>(usage.ru_maxrss) * kUnit};
}

}  // namespace

ProgramResult RunProgram(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                         const ProgramOptions& options) {
  const TempFolder capture;
  const Ending ending = WaitFor(Start(program, arguments, options, {capture / "out", capture / "err"}));
  return {.status = ending.status,
          .out = ReadFile(capture / "out"),
          .err = ReadFile(capture / "err"),
          .peak_memory = ending.peak_memory};
}

pid_t StartProgram(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                   const std::filesystem::path& said, const ProgramOptions& options) {
  return Start(program, arguments, options, {said, {}});
}

int StatusOf(pid_t program) { return WaitFor(program).status; }

ProgramResult RunQuantizeInt8(const std::vector<std::string>& arguments, const ProgramOptions& options) {
  return RunProgram(QI8_PROGRAM, arguments, options);
}

}  // namespace qi8::testing
