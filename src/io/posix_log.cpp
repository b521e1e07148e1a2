#include "io/posix_log.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>
#include <thread>

#include "core/text.hpp"
#include "io/posix_calls.hpp"
#include "io/posix_file.hpp"
#include "qi8/error.hpp"

namespace qi8::posix {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void Refuse(const LogPlace& log, const std::string& reason, const std::string& advice) {
  Fail("cannot append to the log " + Quote(log.path.native()) + ": " + reason + "; " + advice);
}

// /dev/stdout, /dev/fd/3 and their like: links that nobody but the system makes.
bool IsOfTheSystem(const fs::path& path) {
  const fs::path normal = path.lexically_normal();
  const auto starts_with = [&](const fs::path& start) {
    return std::mismatch(start.begin(), start.end(), normal.begin(), normal.end()).first == start.end();
  };
  return starts_with("/dev") || starts_with("/proc/self/fd");
}

// What the name stands for, where the log may be that.
std::optional<EntryStatus> Examine(const LogPlace& log) {
  using Kind = EntryStatus::Kind;
  const bool is_named = log.named_by == LogPlace::NamedBy::kUser;
  const bool follow = is_named && IsOfTheSystem(log.path);
  struct stat status {};
  if (::fstatat(AT_FDCWD, log.path.c_str(), &status, follow ? 0 : AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return std::nullopt;
    FailWithErrno("examine", log.path.native());
  }
  const EntryStatus entry = StatusOf(status);
  switch (entry.kind) {
    case Kind::kLink: {
      std::error_code ignored;
      Refuse(log, "it is a symbolic link to " + Quote(fs::read_symlink(log.path, ignored).native()),
             "remove the link, or name a file with --audit-log");
    }
    case Kind::kFolder:
      Refuse(log, "it is a folder", "name a file with --audit-log");
    case Kind::kFile:
      if (entry.hard_links > 1 && !follow) {
        Refuse(log, "it has several hard links, so it is also another file",
               "copy it, or name another with --audit-log");
      }
      break;
    case Kind::kOther:
      if (!is_named) {
        Refuse(log, "it is not a regular file", "remove it, or name a file with --audit-log");
      }
      break;
  }
  return entry;
}

// The end of a file that is read line by line.
struct Tail {
  std::string last_line;
  bool is_whole = true;  // false: the last line has no line feed, its writer was cut off
};

Tail ReadTail(int fd, const std::string& path) {
  constexpr std::uint64_t kFirstStep = 64U << 10U;
  constexpr std::uint64_t kLongestLine = 16ULL << 20U;
  std::uint64_t start = static_cast<std::uint64_t>(Stat(fd, path).st_size);
  if (start == 0) return {};
  std::string tail;
  bool is_whole = true;
  for (std::uint64_t step = kFirstStep; start > 0; step *= 2) {
    step = std::min(start, step);
    start -= step;
    std::string piece(step, '\0');
    ReadFully(fd, path, start, std::as_writable_bytes(std::span(piece)));
    if (tail.empty()) {
      is_whole = piece.ends_with('\n');
      if (is_whole) piece.pop_back();
    }
    const std::size_t line_break = piece.rfind('\n');
    if (line_break != std::string::npos)
      return {.last_line = piece.substr(line_break + 1) + tail, .is_whole = is_whole};
    tail.insert(0, piece);
    if (tail.size() > kLongestLine) {
      Fail("cannot append to " + Quote(path) + ": its last line is longer than " + FormatBytes(kLongestLine) +
           ", so it is not a log; name another");
    }
  }
  return {.last_line = tail, .is_whole = is_whole};
}

// Another process has the lock for as long as it takes to write a line.
void WaitForLock(int fd, const std::string& name, const std::function<bool()>& should_stop) {
  constexpr std::chrono::milliseconds kBetweenTries{2};
  while (Retry([&] { return ::flock(fd, LOCK_EX | LOCK_NB); }) != 0) {
    if (errno != EWOULDBLOCK) FailWithErrno("lock", name);
    if (should_stop && should_stop()) throw Error(ErrorKind::kInterrupted, "interrupted");
    std::this_thread::sleep_for(kBetweenTries);
  }
}

// A record that cannot be written as a whole is taken back.
void WriteAll(int fd, const std::string& name, const std::string& text, std::optional<off_t> size_before) {
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t count = Retry([&] { return ::write(fd, rest.data(), rest.size()); });
    if (count < 0) {
      const int code = errno;
      // Half a line is none. Where even this fails, whoever appends next ends it.
      if (size_before && rest.size() < text.size()) static_cast<void>(::ftruncate(fd, *size_before));
      errno = code;
      FailWithErrno("append to", name);
    }
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
}

void AppendToStream(const LogPlace& log, const ComposeLine& compose) {
  const std::string& name = log.path.native();
  // A pipe that nobody reads is an error at once instead of a wait; what is open is then written to as usual.
  const Descriptor fd(static_cast<int>(
      Retry([&] { return ::open(name.c_str(), O_WRONLY | O_NONBLOCK | O_APPEND | O_CLOEXEC | O_NOCTTY); })));
  if (!fd.is_open()) FailWithErrno("open", name);
  if (::fcntl(fd.get(), F_SETFL, O_APPEND) != 0) FailWithErrno("set up", name);
  WriteAll(fd.get(), name, compose(""), std::nullopt);
}

void AppendToFile(const LogPlace& log, const ComposeLine& compose, const std::function<bool()>& should_stop,
                  int follow) {
  const std::string& name = log.path.native();
  const Descriptor fd(static_cast<int>(Retry([&] {
    return ::open(name.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | follow, kFileMode);
  })));
  if (!fd.is_open()) FailWithErrno("open", name);
  const struct stat opened = Stat(fd.get(), name);
  if (!S_ISREG(opened.st_mode) || (follow == O_NOFOLLOW && opened.st_nlink > 1)) {
    Refuse(log, "it was replaced while this run looked at it", "see who else writes there");
  }
  WaitForLock(fd.get(), name, should_stop);
  const Tail tail = ReadTail(fd.get(), name);
  const std::string text = (tail.is_whole ? "" : "\n") + compose(tail.last_line);
  WriteAll(fd.get(), name, text, Stat(fd.get(), name).st_size);
  if (Retry([&] { return ::fsync(fd.get()); }) != 0) FailWithErrno("flush to disk", name);
}

}  // namespace

void RequireLog(const LogPlace& log) { static_cast<void>(Examine(log)); }

void AppendLocked(const LogPlace& log, const ComposeLine& compose, const std::function<bool()>& should_stop) {
  const auto entry = Examine(log);
  if (entry && entry->kind == EntryStatus::Kind::kOther) return AppendToStream(log, compose);
  const bool follow = log.named_by == LogPlace::NamedBy::kUser && IsOfTheSystem(log.path);
  AppendToFile(log, compose, should_stop, follow ? 0 : O_NOFOLLOW);
}

}  // namespace qi8::posix
