#include "io/posix_folder.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "core/text.hpp"
#include "io/posix_calls.hpp"
#include "io/posix_file.hpp"

namespace qi8::posix {
namespace {

namespace fs = std::filesystem;

constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

class PosixLockedFile final : public LockedFile {
 public:
  PosixLockedFile(Descriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  [[nodiscard]] EntryStatus Status() override { return StatusOf(Stat(fd_.get(), path_)); }

  [[nodiscard]] std::string Read(std::size_t limit) override {
    std::string text(std::min<std::uint64_t>(limit, Status().identity.size), '\0');
    ReadFully(fd_.get(), path_, 0, std::as_writable_bytes(std::span(text)));
    return text;
  }

  void Write(const std::string& text) override {
    if (Retry([&] { return ::ftruncate(fd_.get(), 0); }) != 0) FailWithErrno("write", path_);
    WriteFully(fd_.get(), path_, 0, std::as_bytes(std::span(text)));
  }

 private:
  Descriptor fd_;
  std::string path_;
};

class PosixFolder final : public Folder {
 public:
  PosixFolder(Descriptor fd, fs::path path) : fd_(std::move(fd)), path_(std::move(path)) {}

  [[nodiscard]] const fs::path& path() const override { return path_; }

  [[nodiscard]] fs::path StablePath() const override {
    const fs::path by_descriptor = "/proc/self/fd/" + std::to_string(fd_.get());
    struct stat there {};
    const bool is_it = ::stat(by_descriptor.c_str(), &there) == 0 &&
                       IdentityOf(there).SameFile(IdentityOf(Stat(fd_.get(), path_.native())));
    return is_it ? by_descriptor : path_;  // there is no /proc in some sandboxes
  }

  [[nodiscard]] EntryStatus Status() override { return StatusOf(Stat(fd_.get(), path_.native())); }

  [[nodiscard]] std::uint32_t User() const override { return ::geteuid(); }

  [[nodiscard]] EntryStatus StatusOfNewFolder() override {
    for (int number = 0;; ++number) {
      const std::string name = ".qi8-probe-" + std::to_string(::getpid()) + "-" + std::to_string(number);
      if (!MakeFolder(name)) continue;
      const auto made = Examine(name);
      static_cast<void>(RemoveFolder(name));
      if (made && made->kind == EntryStatus::Kind::kFolder) return *made;
      Fail("cannot make a folder in " + Quote(path_.native()) + ": somebody replaced it at once");
    }
  }

  [[nodiscard]] std::optional<EntryStatus> Examine(const std::string& name) override {
    struct stat status {};
    if (::fstatat(fd_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) return StatusOf(status);
    if (errno == ENOENT) return std::nullopt;
    FailOn("examine", name);
  }

  [[nodiscard]] std::unique_ptr<ReadableFile> Open(const std::string& name) override {
    return RegularFile(Descriptor(OpenAt(name, kReadFlags)), Shown(name));
  }

  [[nodiscard]] std::unique_ptr<WritableFile> Create(const std::string& name) override {
    return NewFile(Descriptor(OpenAt(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC)), Shown(name));
  }

  // By the descriptor: whoever may write to the folder could put a link in the place of the file's name.
  [[nodiscard]] std::unique_ptr<WritableFile> CreateLike(const EntryStatus& other,
                                                         const std::string& name) override {
    Descriptor fd(OpenAt(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
    if (!fd.is_open()) return NewFile(std::move(fd), Shown(name));
    // Only root may give files away, and only members of a group may give to it: then they are the writer's
    // own.
    const bool same_group = ::fchown(fd.get(), other.owner, other.group) == 0 ||
                            ::fchown(fd.get(), static_cast<uid_t>(-1), other.group) == 0;
    // Rights of a group are not for another one; so are those of set-user-id and its like.
    const mode_t mode = other.mode & (same_group ? 07777U : 0707U);
    if (::fchmod(fd.get(), mode) != 0) {
      ::unlinkat(fd_.get(), name.c_str(), 0);
      FailOn("set the mode of", name);
    }
    return NewFile(std::move(fd), Shown(name));
  }

  [[nodiscard]] std::unique_ptr<Folder> OpenFolder(const std::string& name) override {
    Descriptor fd(OpenAt(name, kFolderFlags));
    if (!fd.is_open() && errno == ENOENT) return nullptr;
    if (!fd.is_open()) FailOn("open the folder", name);
    return std::make_unique<PosixFolder>(std::move(fd), PathOf(name));
  }

  [[nodiscard]] bool MakeFolder(const std::string& name) override {
    if (::mkdirat(fd_.get(), name.c_str(), kFolderMode) == 0) return true;
    if (errno == EEXIST) return false;
    FailOn("make the folder", name);
  }

  [[nodiscard]] bool RemoveFolder(const std::string& name) override {
    if (::unlinkat(fd_.get(), name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return true;
    if (errno == ENOTEMPTY || errno == EEXIST) return false;
    FailOn("remove the folder", name);
  }

  void Remove(const std::string& name) override {
    if (::unlinkat(fd_.get(), name.c_str(), 0) != 0 && errno != ENOENT) FailOn("remove", name);
  }

  void Rename(const std::string& name, Folder& to, const std::string& new_name) override {
    if (::renameat(fd_.get(), name.c_str(), DescriptorOf(to), new_name.c_str()) != 0) {
      FailWithErrno("rename a finished file to", to.PathOf(new_name).native());
    }
  }

  [[nodiscard]] bool Exchange(const std::string& name, Folder& other,
                              const std::string& other_name) override {
    if (::renameat2(fd_.get(), name.c_str(), DescriptorOf(other), other_name.c_str(), RENAME_EXCHANGE) == 0) {
      return true;
    }
    if (errno == EINVAL || IsUnsupported(errno)) return false;
    FailWithErrno("exchange a file for", other.PathOf(other_name).native());
  }

  [[nodiscard]] bool MakeLink(const std::string& text, const std::string& name) override {
    if (::symlinkat(text.c_str(), fd_.get(), name.c_str()) == 0) return true;
    if (errno == EPERM || IsUnsupported(errno)) return false;  // EPERM: so say FAT and its like
    FailOn("make the link", name);
  }

  [[nodiscard]] std::optional<std::string> ReadLink(const std::string& name) override {
    std::array<char, PATH_MAX> text{};
    const ssize_t length = ::readlinkat(fd_.get(), name.c_str(), text.data(), text.size());
    if (length >= 0) return std::string(text.data(), static_cast<std::size_t>(length));
    if (errno == EINVAL || errno == ENOENT) return std::nullopt;
    FailOn("examine", name);
  }

  [[nodiscard]] bool MakeHardLink(const std::string& name, Folder& to, const std::string& new_name) override {
    if (::linkat(fd_.get(), name.c_str(), DescriptorOf(to), new_name.c_str(), 0) == 0) return true;
    // EPERM: no links, or none to files of others; EMLINK: one more is too many.
    if (errno == EPERM || errno == EMLINK || IsUnsupported(errno)) return false;
    FailOn("make a second name of", name);
  }

  [[nodiscard]] std::vector<std::string> List() override {
    // A descriptor of its own: reading moves the position that all copies of a descriptor share.
    Descriptor fd(OpenAt(".", kFolderFlags));
    const std::unique_ptr<DIR, int (*)(DIR*)> entries(fd.is_open() ? ::fdopendir(fd.get()) : nullptr,
                                                      ::closedir);
    if (!entries) FailWithErrno("list the folder", path_.native());
    static_cast<void>(fd.Release());
    std::vector<std::string> names;
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(entries.get());
      if (entry == nullptr) break;
      const std::string name = &entry->d_name[0];
      if (name != "." && name != "..") names.push_back(name);
    }
    if (errno != 0) FailWithErrno("list the folder", path_.native());
    std::ranges::sort(names);
    return names;
  }

  // The kernel holds the lock for the process, however it ends. It is of a file, as network file systems lock
  // no folders.
  [[nodiscard]] std::unique_ptr<LockedFile> Lock(const std::string& name) override {
    for (;;) {
      Descriptor fd(OpenAt(name, O_RDWR | O_CREAT | O_NONBLOCK | O_CLOEXEC, S_IRUSR | S_IWUSR));
      if (!fd.is_open()) FailOn("open", name);
      const EntryStatus status = StatusOf(Stat(fd.get(), Shown(name)));
      if (status.kind != EntryStatus::Kind::kFile || status.hard_links > 1) {
        Fail("cannot lock " + Quote(Shown(name)) +
             ": it is not a regular file of one name, so this program did not make it");
      }
      if (Retry([&] { return ::flock(fd.get(), LOCK_EX | LOCK_NB); }) != 0) {
        if (errno == EWOULDBLOCK) return nullptr;
        FailOn("lock", name);
      }
      // Who had the lock before may have removed the file meanwhile.
      const auto named = Examine(name);
      if (named && named->identity.SameFile(status.identity)) {
        return std::make_unique<PosixLockedFile>(std::move(fd), Shown(name));
      }
      if (Stat(fd_.get(), path_.native()).st_nlink == 0) {
        errno = ENOENT;  // the folder is gone, too
        FailOn("lock", name);
      }
    }
  }

  void Sync() override {
    if (Retry([&] { return ::fsync(fd_.get()); }) != 0 && errno != EINVAL) {
      FailWithErrno("flush to disk the folder", path_.native());
    }
  }

 private:
  [[nodiscard]] static int DescriptorOf(const Folder& folder) {
    return dynamic_cast<const PosixFolder&>(folder).fd_.get();
  }

  [[nodiscard]] int OpenAt(const std::string& name, int flags, mode_t mode = kFileMode) const {
    return static_cast<int>(
        Retry([&] { return ::openat(fd_.get(), name.c_str(), flags | O_NOFOLLOW, mode); }));
  }

  [[nodiscard]] std::string Shown(const std::string& name) const { return PathOf(name).native(); }

  [[noreturn]] void FailOn(std::string_view action, const std::string& name) const {
    const int code = errno;
    struct stat status {};
    const bool is_link = (code == ELOOP || code == ENOTDIR) &&
                         ::fstatat(fd_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                         S_ISLNK(status.st_mode);
    if (is_link) {
      Fail("cannot " + std::string(action) + " " + Quote(Shown(name)) +
           ": it is a symbolic link, and none is followed here");
    }
    errno = code;
    FailWithErrno(action, Shown(name));
  }

  Descriptor fd_;
  fs::path path_;
};

}  // namespace

std::unique_ptr<Folder> OpenFolder(const fs::path& path) {
  const fs::path named = path.empty() ? fs::path(".") : path;
  Descriptor fd(static_cast<int>(Retry([&] { return ::open(named.c_str(), kFolderFlags); })));
  if (!fd.is_open()) FailWithErrno("open the folder", path.native());
  return std::make_unique<PosixFolder>(std::move(fd), path);
}

}  // namespace qi8::posix
