// Preloaded into the program under test: makes one call to the system fail, as the environment says.
//
//     QI8_FAULT=pwrite:3:28      the fourth call of pwrite (counted from 0) fails with errno 28
//     QI8_FAULT=pread:3:short    the fourth pread gives half of what it could
//     QI8_FAULT=pread:all:short  every one does
//     QI8_FAULT_FOLDER=/tmp/x    only calls that concern files beneath it count
//     QI8_FAULT_MARK=/tmp/y      is created when the call has failed
//
// Everything that can fail on a disk is here; what cannot, as closing a descriptor early, is not.
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace {

const char* Setting(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool IsBeneath(std::string_view path) {
  static const std::string folder = Setting("QI8_FAULT_FOLDER");
  if (folder.empty()) return false;
  if (path.starts_with('/')) return path.starts_with(folder);
  std::array<char, PATH_MAX> here{};  // the program is run in the test's folder and given relative names
  return ::getcwd(here.data(), here.size()) != nullptr && std::string_view(here.data()).starts_with(folder);
}

bool IsBeneath(int fd) {
  std::array<char, PATH_MAX> path{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const long length = ::syscall(SYS_readlinkat, AT_FDCWD, link.c_str(), path.data(), path.size());
  return length > 0 && IsBeneath(std::string_view(path.data(), static_cast<std::size_t>(length)));
}

// A path as seen from an open folder.
struct Place {
  int at;
  const char* path;
};

bool IsBeneath(const Place& place) {
  return place.at == AT_FDCWD || *place.path == '/' ? IsBeneath(std::string_view(place.path))
                                                    : IsBeneath(place.at);
}

enum class Verdict { kPass, kFail, kShort };

// Of one function; `subject` is a path, a descriptor, or a place.
class Calls {
 public:
  explicit Calls(std::string_view function) {
    const std::string_view fault = Setting("QI8_FAULT");
    const auto first = fault.find(':');
    const auto second = fault.rfind(':');
    if (first == std::string_view::npos || fault.substr(0, first) != function) return;
    const std::string number(fault.substr(first + 1, second - first - 1));
    const std::string how(fault.substr(second + 1));
    wanted_ = number == "all" ? kAll : std::atol(number.c_str());
    errno_ = how == "short" ? 0 : std::atoi(how.c_str());
  }

  template <typename Subject>
  Verdict Next(Subject subject) {
    if (wanted_ == kNever || !IsBeneath(subject)) return Verdict::kPass;
    if (wanted_ != kAll && count_++ != wanted_) return Verdict::kPass;
    const int mark = static_cast<int>(
        ::syscall(SYS_openat, AT_FDCWD, Setting("QI8_FAULT_MARK"), O_CREAT | O_WRONLY, 0600));
    ::syscall(SYS_close, mark);
    if (errno_ == 0) return Verdict::kShort;
    errno = errno_;
    return Verdict::kFail;
  }

 private:
  static constexpr long kNever = -1;
  static constexpr long kAll = -2;

  long wanted_ = kNever;
  int errno_ = 0;
  std::atomic<long> count_ = 0;
};

template <typename Function>
Function* Real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

std::size_t Half(std::size_t size) { return std::max<std::size_t>(size / 2, std::min<std::size_t>(size, 1)); }

mode_t ModeOf(int flags, va_list rest) { return (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0; }

}  // namespace

// NAME(PARAMETERS), which gives back RESULT, passed on as ARGUMENTS; SUBJECT is what it concerns.
#define QI8_WRAP(RESULT, NAME, PARAMETERS, ARGUMENTS, SUBJECT)    \
  extern "C" RESULT NAME PARAMETERS {                             \
    static Calls calls(#NAME);                                    \
    static auto* const real = Real<RESULT PARAMETERS>(#NAME);     \
    if (calls.Next(SUBJECT) != Verdict::kPass) return RESULT(-1); \
    return real ARGUMENTS;                                        \
  }

QI8_WRAP(int, fsync, (int fd), (fd), fd)
QI8_WRAP(int, renameat, (int from_at, const char* from, int to_at, const char* to) noexcept,
         (from_at, from, to_at, to), (Place{to_at, to}))
QI8_WRAP(int, renameat2, (int from_at, const char* from, int to_at, const char* to, unsigned flags) noexcept,
         (from_at, from, to_at, to, flags), (Place{to_at, to}))
QI8_WRAP(int, fallocate, (int fd, int mode, off_t offset, off_t length), (fd, mode, offset, length), fd)
QI8_WRAP(int, ftruncate, (int fd, off_t length) noexcept, (fd, length), fd)
QI8_WRAP(int, mkdirat, (int at, const char* path, mode_t mode) noexcept, (at, path, mode), (Place{at, path}))
QI8_WRAP(int, symlinkat, (const char* text, int at, const char* path) noexcept, (text, at, path),
         (Place{at, path}))
QI8_WRAP(int, linkat, (int from_at, const char* from, int to_at, const char* to, int flags) noexcept,
         (from_at, from, to_at, to, flags), (Place{to_at, to}))
QI8_WRAP(int, unlinkat, (int at, const char* path, int flags) noexcept, (at, path, flags), (Place{at, path}))
QI8_WRAP(int, flock, (int fd, int operation) noexcept, (fd, operation), fd)
QI8_WRAP(ssize_t, readlinkat, (int at, const char* path, char* text, size_t size) noexcept,
         (at, path, text, size), (Place{at, path}))
QI8_WRAP(int, stat, (const char* path, struct stat* status) noexcept, (path, status), path)
QI8_WRAP(int, fstat, (int fd, struct stat* status) noexcept, (fd, status), fd)
QI8_WRAP(int, fstatat, (int at, const char* path, struct stat* status, int flags) noexcept,
         (at, path, status, flags), (Place{at, path}))

extern "C" int open(const char* path, int flags, ...) {
  static Calls calls("open");
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = ModeOf(flags, rest);
  va_end(rest);
  if (calls.Next(path) != Verdict::kPass) return -1;
  return static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

extern "C" int openat(int at, const char* path, int flags, ...) {
  static Calls calls("openat");
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = ModeOf(flags, rest);
  va_end(rest);
  if (calls.Next(Place{at, path}) != Verdict::kPass) return -1;
  return static_cast<int>(::syscall(SYS_openat, at, path, flags, mode));
}

// As the system does: the descriptor is closed all the same.
extern "C" int close(int fd) {
  static Calls calls("close");
  const Verdict verdict = calls.Next(fd);
  const int code = errno;
  const int result = static_cast<int>(::syscall(SYS_close, fd));
  if (verdict == Verdict::kPass) return result;
  errno = code;
  return -1;
}

extern "C" ssize_t pread(int fd, void* into, size_t size, off_t offset) {
  static Calls calls("pread");
  static auto* const real = Real<ssize_t(int, void*, size_t, off_t)>("pread");
  const Verdict verdict = calls.Next(fd);
  if (verdict == Verdict::kFail) return -1;
  return real(fd, into, verdict == Verdict::kShort ? Half(size) : size, offset);
}

extern "C" ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  static Calls calls("pwrite");
  static auto* const real = Real<ssize_t(int, const void*, size_t, off_t)>("pwrite");
  const Verdict verdict = calls.Next(fd);
  if (verdict == Verdict::kFail) return -1;
  return real(fd, bytes, verdict == Verdict::kShort ? Half(size) : size, offset);
}

extern "C" ssize_t write(int fd, const void* bytes, size_t size) {
  static Calls calls("write");
  static auto* const real = Real<ssize_t(int, const void*, size_t)>("write");
  const Verdict verdict = calls.Next(fd);
  if (verdict == Verdict::kFail) return -1;
  return real(fd, bytes, verdict == Verdict::kShort ? Half(size) : size);
}
