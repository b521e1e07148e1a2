// What the POSIX side of io shares: descriptors that close themselves, and errors with the system's reason.
#pragma once

#include <sys/stat.h>

#include <cerrno>
#include <string>
#include <string_view>
#include <utility>

#include "io/file.hpp"

namespace qi8::posix {

[[noreturn]] void Fail(const std::string& message);

// "cannot ACTION 'PATH': " and what errno says, with advice where there is some.
[[noreturn]] void FailWithErrno(std::string_view action, std::string_view path);

// What file systems say to a call that they do not have.
[[nodiscard]] bool IsUnsupported(int code);

// Makes a call again for as long as a signal interrupts it: handlers here only note the signal, and the work
// looks at that between its steps.
template <typename Call>
auto Retry(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.Release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor();
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  [[nodiscard]] int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

// Of what is open; `path` is what messages call it.
[[nodiscard]] struct stat Stat(int fd, const std::string& path);
[[nodiscard]] FileIdentity IdentityOf(const struct stat& status);
[[nodiscard]] EntryStatus StatusOf(const struct stat& status);

// Less the umask, as any other file of the user; folders that this program makes are for its user alone to
// change.
inline constexpr mode_t kFileMode = 0666;
inline constexpr mode_t kFolderMode = 0755;

}  // namespace qi8::posix
