// What the product asks of a disk, and nothing more: tests put a double behind it that fails on demand.
//
// Every error is a qi8::Error of kind kFailure made of action, quoted path and the system's reason.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "io/file.hpp"
#include "io/folder.hpp"
#include "qi8/link_policy.hpp"

namespace qi8 {

// Where a log is, and who says so.
struct LogPlace {
  enum class NamedBy { kDefault, kUser };

  std::filesystem::path path;
  // A pipe, a terminal or a link of the system's own (/dev/stdout) may only be a log where the user named it.
  NamedBy named_by = NamedBy::kDefault;
};

using ComposeLine = std::function<std::string(std::string_view last_line)>;

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // Opens a regular file for reading; a folder, pipe, socket or device is an error.
  [[nodiscard]] virtual std::unique_ptr<ReadableFile> OpenForReading(const std::filesystem::path& path) = 0;

  // The same for `relative` beneath `folder`: an absolute path, one that leaves the folder through "..", and
  // one with a link that the link policy does not allow are errors.
  [[nodiscard]] virtual std::unique_ptr<ReadableFile> OpenBeneath(const std::filesystem::path& folder,
                                                                  const std::string& relative) = 0;

  // Nothing where there is no such file; follows links.
  [[nodiscard]] virtual std::optional<FileIdentity> Identify(const std::filesystem::path& path) = 0;
  [[nodiscard]] virtual bool IsFolder(const std::filesystem::path& path) = 0;
  [[nodiscard]] virtual bool IsWritableFolder(const std::filesystem::path& path) = 0;

  // Bytes that an unprivileged user may still write to the file system that holds `folder`.
  [[nodiscard]] virtual std::uint64_t FreeSpace(const std::filesystem::path& folder) = 0;

  // Opens a folder, through links as the path has them: the caller named it so.
  [[nodiscard]] virtual std::unique_ptr<Folder> OpenFolder(const std::filesystem::path& path) = 0;

  // That AppendLocked would not refuse this log. Nothing is created.
  virtual void RequireLog(const LogPlace& log) = 0;

  // Appends to a log under an exclusive lock and syncs it. `compose` is called with the last line of the file
  // (empty where there is none) while the lock is held, and gives the text to append. A last line of more
  // than 16 MiB is an error, and so is a link, or a file with several names. Pipes and terminals, which a log
  // may be only where it was named, are written to without lock or last line. While another process has the
  // lock, `should_stop` (which may be empty) is asked; Error of kind kInterrupted where it says so.
  virtual void AppendLocked(const LogPlace& log, const ComposeLine& compose,
                            const std::function<bool()>& should_stop) = 0;
};

// The folder that a file lies in; "." where its path names none.
[[nodiscard]] inline std::filesystem::path FolderOf(const std::filesystem::path& file) {
  const std::filesystem::path parent = file.parent_path();
  return parent.empty() ? std::filesystem::path(".") : parent;
}

// Who sees to it that OpenBeneath stays beneath the folder.
enum class BeneathBy {
  kKernel,  // openat2; where there is none, as before Linux 5.6 and under some sandboxes, as kSteps
  kSteps,   // links are resolved and checked, and then no link is followed
};

// The real one. `links` is which links OpenBeneath follows.
[[nodiscard]] std::unique_ptr<FileSystem> MakePosixFileSystem(LinkPolicy links = LinkPolicy::kSafe,
                                                              BeneathBy beneath_by = BeneathBy::kKernel);

}  // namespace qi8
