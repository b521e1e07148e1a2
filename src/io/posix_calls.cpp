#include "io/posix_calls.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <system_error>

#include "core/text.hpp"
#include "qi8/error.hpp"

namespace qi8::posix {

void Fail(const std::string& message) { throw Error(ErrorKind::kFailure, message); }

void FailWithErrno(std::string_view action, std::string_view path) {
  const int code = errno;
  std::string message =
      "cannot " + std::string(action) + " " + Quote(path) + ": " + std::generic_category().message(code);
  if (code == ENOSPC || code == EDQUOT) message += "; free some space or choose another output folder";
  if (code == EACCES || code == EPERM) message += "; check the permissions of the file and of its folder";
  Fail(message);
}

// On Linux, ENOTSUP is EOPNOTSUPP.
bool IsUnsupported(int code) { return code == ENOSYS || code == EOPNOTSUPP; }

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

struct stat Stat(int fd, const std::string& path) {
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

EntryStatus StatusOf(const struct stat& status) {
  using Kind = EntryStatus::Kind;
  constexpr mode_t kPermissionBits = 07777;
  return {.kind = S_ISREG(status.st_mode)   ? Kind::kFile
                  : S_ISDIR(status.st_mode) ? Kind::kFolder
                  : S_ISLNK(status.st_mode) ? Kind::kLink
                                            : Kind::kOther,
          .identity = IdentityOf(status),
          .owner = status.st_uid,
          .group = status.st_gid,
          .mode = status.st_mode & kPermissionBits,
          .hard_links = status.st_nlink};
}

}  // namespace qi8::posix
