#include "support/terminal.hpp"

#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <regex>
#include <system_error>
#include <utility>

namespace qi8::testing {
namespace {

constexpr std::chrono::seconds kPatience{10};

// Without bells and what sets colours or moves the cursor.
[[nodiscard]] std::string TextAlone(const std::string& shown) {
  static const std::regex control("\x1b\\[[0-9;?]*[A-Za-z]|\a");
  return std::regex_replace(shown, control, "");
}

}  // namespace

Terminal::Terminal(const std::vector<std::string>& argv) {
  winsize size{.ws_row = 50, .ws_col = 200, .ws_xpixel = 0, .ws_ypixel = 0};
  child_ = ::forkpty(&terminal_, nullptr, nullptr, &size);
  if (child_ < 0) throw std::system_error(errno, std::generic_category(), "forkpty");
  if (child_ > 0) return;
  ::setenv("TERM", "xterm", 1);
  std::vector<char*> arguments;
  for (const std::string& argument : argv) arguments.push_back(::strdup(argument.c_str()));
  arguments.push_back(nullptr);
  ::execvp(arguments[0], arguments.data());
  ::_exit(127);
}

Terminal::~Terminal() {
  ::close(terminal_);
  ::kill(child_, SIGKILL);
  ::waitpid(child_, nullptr, 0);
}

void Terminal::Type(const std::string& keys) const {
  if (::write(terminal_, keys.data(), keys.size()) != static_cast<ssize_t>(keys.size())) {
    throw std::system_error(errno, std::generic_category(), "write to terminal");
  }
}

std::string Terminal::WaitFor(const std::string& text) {
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    if (const std::size_t at = shown_.find(text); at != std::string::npos) {
      const std::string until = shown_.substr(0, at + text.size());
      shown_.erase(0, until.size());
      return until;
    }
    pollfd readable{.fd = terminal_, .events = POLLIN, .revents = 0};
    std::array<char, 4096> piece{};
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(give_up - std::chrono::steady_clock::now());
    const bool ready = left.count() > 0 && ::poll(&readable, 1, static_cast<int>(left.count())) > 0;
    const ssize_t count = ready ? ::read(terminal_, piece.data(), piece.size()) : 0;
    if (count <= 0) return std::exchange(shown_, "");
    shown_ = TextAlone(shown_.append(piece.data(), static_cast<std::size_t>(count)));
  }
}

}  // namespace qi8::testing
