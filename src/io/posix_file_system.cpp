#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>

#include "io/file_system.hpp"
#include "io/open_beneath.hpp"
#include "io/posix_calls.hpp"
#include "io/posix_file.hpp"
#include "io/posix_folder.hpp"
#include "io/posix_log.hpp"

namespace qi8 {
namespace {

namespace fs = std::filesystem;

class PosixFileSystem final : public FileSystem {
 public:
  PosixFileSystem(LinkPolicy links, BeneathBy beneath_by) : links_(links), beneath_by_(beneath_by) {}

  std::unique_ptr<ReadableFile> OpenForReading(const fs::path& path) override {
    return posix::RegularFile(posix::Descriptor(static_cast<int>(
                                  posix::Retry([&] { return ::open(path.c_str(), posix::kReadFlags); }))),
                              path.native());
  }

  std::unique_ptr<ReadableFile> OpenBeneath(const fs::path& folder, const std::string& relative) override {
    return posix::OpenBeneath(folder, relative, links_, beneath_by_);
  }

  std::optional<FileIdentity> Identify(const fs::path& path) override {
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0) return posix::IdentityOf(status);
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    posix::FailWithErrno("examine", path.native());
  }

  bool IsFolder(const fs::path& path) override {
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0) return S_ISDIR(status.st_mode);
    if (errno == ENOENT || errno == ENOTDIR) return false;
    posix::FailWithErrno("examine", path.native());
  }

  bool IsWritableFolder(const fs::path& path) override { return ::access(path.c_str(), W_OK | X_OK) == 0; }

  std::uint64_t FreeSpace(const fs::path& folder) override {
    struct statvfs status {};
    if (::statvfs(folder.c_str(), &status) != 0) {
      posix::FailWithErrno("examine the file system of", folder.native());
    }
    return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
  }

  std::unique_ptr<Folder> OpenFolder(const fs::path& path) override { return posix::OpenFolder(path); }

  void RequireLog(const LogPlace& log) override { posix::RequireLog(log); }

  void AppendLocked(const LogPlace& log, const ComposeLine& compose,
                    const std::function<bool()>& should_stop) override {
    posix::AppendLocked(log, compose, should_stop);
  }

 private:
  LinkPolicy links_;
  BeneathBy beneath_by_;
};

}  // namespace

std::unique_ptr<FileSystem> MakePosixFileSystem(LinkPolicy links, BeneathBy beneath_by) {
  return std::make_unique<PosixFileSystem>(links, beneath_by);
}

}  // namespace qi8
