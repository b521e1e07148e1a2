#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <utility>
#include <vector>

#include "core/text.hpp"
#include "io/file_system.hpp"
#include "qi8/error.hpp"

namespace qi8 {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void Fail(const std::string& message) { throw Error(ErrorKind::kFailure, message); }

[[noreturn]] void FailWithErrno(std::string_view action, std::string_view path) {
  const int code = errno;
  std::string message =
      "cannot " + std::string(action) + " " + Quote(path) + ": " + std::generic_category().message(code);
  if (code == ENOSPC || code == EDQUOT) message += "; free some space or choose another output folder";
  if (code == EACCES || code == EPERM) message += "; check the permissions of the file and of its folder";
  Fail(message);
}

constexpr mode_t kFileMode = 0666;  // less the umask, as any other file of the user
constexpr mode_t kFolderMode = 0777;

// What file systems say to a call that they do not have.
bool IsUnsupported(int code) { return code == ENOSYS || code == EOPNOTSUPP || code == ENOTSUP; }

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.Release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

struct stat Status(int fd, const std::string& path) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) FailWithErrno("examine", path);
  return status;
}

FileIdentity IdentityOf(const struct stat& status) {
  constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .size = static_cast<std::uint64_t>(status.st_size),
          .modified_ns = status.st_mtim.tv_sec * kNanosecondsPerSecond + status.st_mtim.tv_nsec};
}

void ReadFully(int fd, const std::string& path, std::uint64_t offset, std::span<std::byte> into) {
  while (!into.empty()) {
    const ssize_t count = ::pread(fd, into.data(), into.size(), static_cast<off_t>(offset));
    if (count < 0) {
      if (errno == EINTR) continue;
      FailWithErrno("read", path);
    }
    if (count == 0) {
      Fail("cannot read " + Quote(path) + ": it ends at byte " + FormatCount(offset) + ", " +
           FormatCount(into.size()) + " bytes early; was it cut short while it was read?");
    }
    offset += static_cast<std::uint64_t>(count);
    into = into.subspan(static_cast<std::size_t>(count));
  }
}

class PosixReadableFile final : public ReadableFile {
 public:
  PosixReadableFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}

  [[nodiscard]] const std::string& path() const override { return path_; }
  void ReadAt(std::uint64_t offset, std::span<std::byte> into) const override {
    ReadFully(fd_.get(), path_, offset, into);
  }
  [[nodiscard]] FileIdentity Identity() const override { return IdentityOf(Status(fd_.get(), path_)); }
  [[nodiscard]] std::uint64_t HardLinks() const { return Status(fd_.get(), path_).st_nlink; }

 private:
  Descriptor fd_;
  std::string path_;
};

class PosixWritableFile final : public WritableFile {
 public:
  PosixWritableFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}

  void WriteAt(std::uint64_t offset, std::span<const std::byte> bytes) override {
    while (!bytes.empty()) {
      const ssize_t count = ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (count < 0) {
        if (errno == EINTR) continue;
        FailWithErrno("write", path_);
      }
      offset += static_cast<std::uint64_t>(count);
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
  }

  void ReadAt(std::uint64_t offset, std::span<std::byte> into) const override {
    ReadFully(fd_.get(), path_, offset, into);
  }

  void Reserve(std::uint64_t size) override {
    if (size == 0) return;
    if (::fallocate(fd_.get(), 0, 0, static_cast<off_t>(size)) == 0) return;
    if (errno != EOPNOTSUPP && errno != ENOSYS) FailWithErrno("reserve space for", path_);
    if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) FailWithErrno("set the size of", path_);
  }

  void StartWriteBack(std::uint64_t offset, std::uint64_t length) override {
    // Only advice: where the file system cannot, Sync does it all.
    ::sync_file_range(fd_.get(), static_cast<off_t>(offset), static_cast<off_t>(length),
                      SYNC_FILE_RANGE_WRITE);
  }

  void Sync() override {
    if (::fsync(fd_.get()) != 0) FailWithErrno("flush to disk", path_);
  }

  void Close() override {
    if (::close(fd_.Release()) != 0) FailWithErrno("close", path_);
  }

 private:
  Descriptor fd_;
  std::string path_;
};

// O_NONBLOCK: opening a pipe must not wait for a writer. It has no effect on the regular files that are kept.
constexpr int kReadFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

// `shown` is what messages call it.
std::unique_ptr<PosixReadableFile> RequireRegular(Descriptor fd, const std::string& shown) {
  if (fd.get() < 0) FailWithErrno("open", shown);
  const struct stat status = Status(fd.get(), shown);
  if (S_ISDIR(status.st_mode)) Fail("cannot read " + Quote(shown) + ": it is a folder, not a file");
  if (!S_ISREG(status.st_mode)) Fail("cannot read " + Quote(shown) + ": it is not a regular file");
  return std::make_unique<PosixReadableFile>(fd.Release(), shown);
}

// Opens a file beneath a folder that stays the same while its path is resolved, whatever is put in its place.
class BeneathFolder {
 public:
  BeneathFolder(fs::path folder, BeneathBy by)
      : folder_(folder.empty() ? fs::path(".") : std::move(folder)),
        by_(by),
        fd_(::open(folder_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {
    if (fd_.get() < 0) FailWithErrno("open folder", folder_.native());
  }

  [[nodiscard]] Descriptor Open(const fs::path& relative) const {
    Descriptor fd(by_ == BeneathBy::kKernel ? AskKernel(relative) : -1);
    // Where the kernel cannot or may not do it, and also where it refuses: a link to an absolute path within
    // the folder is none for the kernel, and a refusal wants its reason told.
    return fd.get() >= 0 ? std::move(fd) : OpenStepByStep(Resolve(relative));
  }

 private:
  [[nodiscard]] int AskKernel(const fs::path& relative) const {
    open_how how{};
    how.flags = kReadFlags;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    return static_cast<int>(::syscall(SYS_openat2, fd_.get(), relative.c_str(), &how, sizeof(how)));
  }

  // Where the path leads, as seen from the folder: no "..", and a link at the time of asking nowhere.
  [[nodiscard]] fs::path Resolve(const fs::path& relative) const {
    std::error_code error;
    const fs::path base = fs::canonical(folder_, error);
    if (error) Fail("cannot resolve folder " + Quote(folder_.native()) + ": " + error.message());
    const fs::path resolved = fs::canonical(base / relative, error);
    if (error) Fail("cannot open " + Quote((folder_ / relative).native()) + ": " + error.message());
    const auto [base_end, rest] = std::mismatch(base.begin(), base.end(), resolved.begin(), resolved.end());
    if (base_end != base.end()) {
      Fail("its location " + Quote(relative.native()) + " leads out of the model's folder to " +
           Quote(resolved.native()));
    }
    fs::path beneath;
    for (auto part = rest; part != resolved.end(); ++part) beneath /= *part;
    return beneath.empty() ? fs::path(".") : beneath;
  }

  // Follows no link, so that one that was put there since is an error.
  [[nodiscard]] Descriptor OpenStepByStep(const fs::path& beneath) const {
    Descriptor folder(::openat(fd_.get(), ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
    for (const fs::path& part : beneath.parent_path()) {
      if (folder.get() < 0) break;
      folder =
          Descriptor(::openat(folder.get(), part.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    }
    if (folder.get() < 0) return folder;
    return Descriptor(::openat(folder.get(), beneath.filename().c_str(), kReadFlags | O_NOFOLLOW));
  }

  fs::path folder_;
  BeneathBy by_;
  Descriptor fd_;
};

// The kernel holds the lock for the process, however it ends. The lock is in a file, as network file systems
// lock no folders.
class PosixFolderClaim final : public FolderClaim {
 public:
  static std::unique_ptr<FolderClaim> Make(const fs::path& path) {
    for (;;) {
      const bool made = ::mkdir(path.c_str(), kFolderMode) == 0;
      if (!made && errno != EEXIST) FailWithErrno("make the folder", path.native());
      try {
        if (auto claim = Try(path)) return *std::move(claim);
      } catch (...) {
        if (made) {
          ::unlink((path / kLock).c_str());
          ::rmdir(path.c_str());
        }
        throw;
      }
    }
  }

  void RemoveFolder() override {
    const Descriptor lock(lock_.Release());
    if (::unlink((path_ / kLock).c_str()) != 0 && errno != ENOENT) FailWithErrno("remove", path_.native());
    // Another may have come in since the lock has no name any more: the folder is theirs then.
    if (::rmdir(path_.c_str()) != 0 && errno != ENOENT && errno != ENOTEMPTY && errno != EEXIST) {
      FailWithErrno("remove the folder", path_.native());
    }
  }

 private:
  static constexpr const char* kLock = "lock";

  // Null where another has it; nothing where the one before removed the folder, or its lock, meanwhile.
  static std::optional<std::unique_ptr<FolderClaim>> Try(const fs::path& path) {
    const Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (folder.get() < 0 && errno == ENOENT) return std::nullopt;
    if (folder.get() < 0) FailWithErrno("open the folder", path.native());
    const std::string name = (path / kLock).native();
    Descriptor lock(::openat(folder.get(), kLock, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, kFileMode));
    if (lock.get() < 0 && errno == ENOENT) return std::nullopt;
    if (lock.get() < 0) FailWithErrno("open", name);
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) return nullptr;
      FailWithErrno("lock", name);
    }
    struct stat named {};
    if (::fstatat(AT_FDCWD, name.c_str(), &named, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
    if (!IdentityOf(Status(lock.get(), name)).SameFile(IdentityOf(named))) return std::nullopt;
    return std::unique_ptr<FolderClaim>(new PosixFolderClaim(path, lock.Release()));
  }

  PosixFolderClaim(fs::path path, int lock) : path_(std::move(path)), lock_(lock) {}

  fs::path path_;
  Descriptor lock_;
};

// The end of a file that is read line by line.
struct Tail {
  std::string last_line;
  bool is_whole = true;  // false: the last line has no line feed, its writer was cut off
};

Tail ReadTail(int fd, const std::string& path) {
  constexpr std::uint64_t kFirstStep = 64 * 1024;
  constexpr std::uint64_t kLongestLine = 16ULL << 20U;
  std::uint64_t start = static_cast<std::uint64_t>(Status(fd, path).st_size);
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
      throw Error(ErrorKind::kFailure, "cannot append to " + Quote(path) + ": its last line is longer than " +
                                           FormatBytes(kLongestLine) + ", so it is no log; name another");
    }
  }
  return {.last_line = tail, .is_whole = is_whole};
}

class PosixFileSystem final : public FileSystem {
 public:
  explicit PosixFileSystem(BeneathBy beneath_by) : beneath_by_(beneath_by) {}

  std::unique_ptr<ReadableFile> OpenForReading(const fs::path& path) override {
    return RequireRegular(Descriptor(::open(path.c_str(), kReadFlags)), path.native());
  }

  std::unique_ptr<ReadableFile> OpenBeneath(const fs::path& folder, const std::string& relative) override {
    const fs::path wanted(relative);
    if (relative.empty()) Fail("its location is empty");
    if (relative.find('\0') != std::string::npos) Fail("its location has a zero byte in it");
    if (wanted.is_absolute())
      Fail("its location " + Quote(relative) + " is absolute, not relative to the model's folder");
    const std::string shown = (folder / wanted).native();
    auto file = RequireRegular(BeneathFolder(folder, beneath_by_).Open(wanted), shown);
    if (file->HardLinks() > 1) {
      Fail(Quote(shown) + " has several hard links, so it may lie outside the model's folder; copy it");
    }
    return file;
  }

  std::unique_ptr<WritableFile> Create(const fs::path& path) override {
    Descriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, kFileMode));
    if (fd.get() < 0) FailWithErrno("create", path.native());
    return std::make_unique<PosixWritableFile>(fd.Release(), path.native());
  }

  std::optional<FileIdentity> Identify(const fs::path& path) override {
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0) return IdentityOf(status);
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    FailWithErrno("examine", path.native());
  }

  bool IsFolder(const fs::path& path) override {
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0) return S_ISDIR(status.st_mode);
    if (errno == ENOENT || errno == ENOTDIR) return false;
    FailWithErrno("examine", path.native());
  }

  bool IsWritableFolder(const fs::path& path) override { return ::access(path.c_str(), W_OK | X_OK) == 0; }

  std::uint64_t FreeSpace(const fs::path& folder) override {
    struct statvfs status {};
    if (::statvfs(folder.c_str(), &status) != 0) FailWithErrno("examine the file system of", folder.native());
    return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
  }

  void Rename(const fs::path& from, const fs::path& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) FailWithErrno("rename a finished file to", to.native());
  }

  bool Exchange(const fs::path& one, const fs::path& other) override {
    if (::renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE) == 0) return true;
    if (errno == EINVAL || IsUnsupported(errno)) return false;
    FailWithErrno("exchange a file for", other.native());
  }

  void Remove(const fs::path& path) override {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) FailWithErrno("remove", path.native());
  }

  bool MakeLink(const std::string& text, const fs::path& path) override {
    if (::symlink(text.c_str(), path.c_str()) == 0) return true;
    if (errno == EPERM || IsUnsupported(errno)) return false;  // EPERM: so say FAT and its like
    FailWithErrno("make the link", path.native());
  }

  std::optional<std::string> ReadLink(const fs::path& path) override {
    std::array<char, PATH_MAX> text{};
    const ssize_t length = ::readlink(path.c_str(), text.data(), text.size());
    if (length >= 0) return std::string(text.data(), static_cast<std::size_t>(length));
    if (errno == EINVAL || errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    FailWithErrno("examine", path.native());
  }

  bool MakeHardLink(const fs::path& file, const fs::path& path) override {
    if (::link(file.c_str(), path.c_str()) == 0) return true;
    // EPERM: no links, or none to files of others; EMLINK: one more is too many.
    if (errno == EPERM || errno == EMLINK || IsUnsupported(errno)) return false;
    FailWithErrno("make a second name of", file.native());
  }

  void MakeFolder(const fs::path& path) override {
    if (::mkdir(path.c_str(), kFolderMode) != 0 && errno != EEXIST) {
      FailWithErrno("make the folder", path.native());
    }
  }

  void RemoveFolder(const fs::path& path) override {
    if (::rmdir(path.c_str()) != 0 && errno != ENOENT) FailWithErrno("remove the folder", path.native());
  }

  std::vector<std::string> List(const fs::path& folder) override {
    std::vector<std::string> names;
    std::error_code error;
    fs::directory_iterator entry(folder, error);
    if (error == std::errc::no_such_file_or_directory) return names;
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
      names.push_back(entry->path().filename().native());
    }
    if (error) Fail("cannot list the folder " + Quote(folder.native()) + ": " + error.message());
    std::ranges::sort(names);
    return names;
  }

  std::unique_ptr<FolderClaim> ClaimFolder(const fs::path& folder) override {
    return PosixFolderClaim::Make(folder);
  }

  void SyncFolder(const fs::path& folder) override {
    const Descriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd.get() < 0) FailWithErrno("open folder", folder.native());
    if (::fsync(fd.get()) != 0 && errno != EINVAL) FailWithErrno("flush to disk the folder", folder.native());
  }

  void AppendLocked(const fs::path& path,
                    const std::function<std::string(std::string_view)>& compose) override {
    const std::string& name = path.native();
    struct stat status {};
    const bool regular = ::stat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode);
    // A pipe that nobody reads is an error at once instead of a wait; what is open is then written to as
    // usual.
    const int access = regular ? O_RDWR : O_WRONLY | O_NONBLOCK;
    const Descriptor fd(::open(path.c_str(), access | O_APPEND | O_CREAT | O_CLOEXEC, kFileMode));
    if (fd.get() < 0) FailWithErrno("open", name);
    if (!regular && ::fcntl(fd.get(), F_SETFL, O_APPEND) != 0) FailWithErrno("set up", name);
    if (regular && ::flock(fd.get(), LOCK_EX) != 0) FailWithErrno("lock", name);
    const off_t size_before = regular ? Status(fd.get(), name).st_size : 0;
    const Tail tail = regular ? ReadTail(fd.get(), name) : Tail{};
    const std::string text = (tail.is_whole ? "" : "\n") + compose(tail.last_line);
    std::string_view rest = text;
    while (!rest.empty()) {
      const ssize_t count = ::write(fd.get(), rest.data(), rest.size());
      if (count < 0 && errno != EINTR) {
        const int code = errno;
        // Half a line is none. Where even this fails, whoever appends next ends it.
        if (regular && rest.size() < text.size()) static_cast<void>(::ftruncate(fd.get(), size_before));
        errno = code;
        FailWithErrno("append to", name);
      }
      if (count > 0) rest.remove_prefix(static_cast<std::size_t>(count));
    }
    if (regular && ::fsync(fd.get()) != 0) FailWithErrno("flush to disk", name);
  }

 private:
  BeneathBy beneath_by_;
};

}  // namespace

std::unique_ptr<FileSystem> MakePosixFileSystem(BeneathBy beneath_by) {
  return std::make_unique<PosixFileSystem>(beneath_by);
}

}  // namespace qi8
