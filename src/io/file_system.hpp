// What the product asks of a disk, and nothing more: tests put a double behind it that fails on demand.
//
// Every error is a qi8::Error of kind kFailure made of action, quoted path and the system's reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace qi8 {

// What tells one version of one file from another: an input whose identity differs after reading was changed
// meanwhile, and two paths of equal device and inode are one file, through whatever links.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;  // time of last modification, nanoseconds since 1970

  [[nodiscard]] bool SameFile(const FileIdentity& other) const {
    return device == other.device && inode == other.inode;
  }
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

class ReadableFile {
 public:
  virtual ~ReadableFile() = default;

  [[nodiscard]] virtual const std::string& path() const = 0;

  // Fills all of `into` from `offset` on; a file that ends before is an error. May be called from several
  // threads.
  virtual void ReadAt(std::uint64_t offset, std::span<std::byte> into) const = 0;

  [[nodiscard]] virtual FileIdentity Identity() const = 0;
};

class WritableFile {
 public:
  virtual ~WritableFile() = default;

  // Writes all of `bytes` at `offset`. May be called from several threads on ranges that do not overlap.
  virtual void WriteAt(std::uint64_t offset, std::span<const std::byte> bytes) = 0;
  virtual void ReadAt(std::uint64_t offset, std::span<std::byte> into) const = 0;

  // Sets the file's size and claims the space for it, so that a full disk shows before the work and not
  // after.
  virtual void Reserve(std::uint64_t size) = 0;

  // Starts writing these bytes to the disk, so that Sync finds little to do; no promise that they are there.
  virtual void StartWriteBack(std::uint64_t offset, std::uint64_t length) = 0;

  // Everything written so far is on the disk when this returns.
  virtual void Sync() = 0;

  // Closes the file, reporting what the system reports only then. The destructor closes too, in silence.
  virtual void Close() = 0;
};

// A folder that no other process has while this lives, or its process does.
class FolderClaim {
 public:
  virtual ~FolderClaim() = default;

  // Removes the folder, if nothing is in it any more, and gives up the claim.
  virtual void RemoveFolder() = 0;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // Opens a regular file for reading; a folder, pipe, socket or device is an error.
  [[nodiscard]] virtual std::unique_ptr<ReadableFile> OpenForReading(const std::filesystem::path& path) = 0;

  // The same for `relative` beneath `folder`: an absolute path, one that leaves the folder through ".." or
  // links, and a file with several hard links (its other name may lie anywhere) are errors.
  [[nodiscard]] virtual std::unique_ptr<ReadableFile> OpenBeneath(const std::filesystem::path& folder,
                                                                  const std::string& relative) = 0;

  // Creates a file that must not exist.
  [[nodiscard]] virtual std::unique_ptr<WritableFile> Create(const std::filesystem::path& path) = 0;

  // Nothing where there is no such file; follows links.
  [[nodiscard]] virtual std::optional<FileIdentity> Identify(const std::filesystem::path& path) = 0;
  [[nodiscard]] virtual bool IsFolder(const std::filesystem::path& path) = 0;
  [[nodiscard]] virtual bool IsWritableFolder(const std::filesystem::path& path) = 0;

  // Bytes that an unprivileged user may still write to the file system that holds `folder`.
  [[nodiscard]] virtual std::uint64_t FreeSpace(const std::filesystem::path& folder) = 0;

  // Replaces `to` where it exists.
  virtual void Rename(const std::filesystem::path& from, const std::filesystem::path& to) = 0;

  // Swaps two names, whatever they are; no moment sees one of them missing. False where the file system
  // cannot.
  [[nodiscard]] virtual bool Exchange(const std::filesystem::path& one,
                                      const std::filesystem::path& other) = 0;

  // Removes a file or a link. Gone already is fine.
  virtual void Remove(const std::filesystem::path& path) = 0;

  // Makes `path`, where nothing may be, a symbolic link with this text. False where the file system has none.
  [[nodiscard]] virtual bool MakeLink(const std::string& text, const std::filesystem::path& path) = 0;

  // The text of a symbolic link; nothing where `path` is something else or nothing.
  [[nodiscard]] virtual std::optional<std::string> ReadLink(const std::filesystem::path& path) = 0;

  // Makes `path`, where nothing may be, a second name of a file. False where the file system has none.
  [[nodiscard]] virtual bool MakeHardLink(const std::filesystem::path& file,
                                          const std::filesystem::path& path) = 0;

  // Makes a folder; one that is there already is fine.
  virtual void MakeFolder(const std::filesystem::path& path) = 0;

  // Removes an empty folder. Gone already is fine.
  virtual void RemoveFolder(const std::filesystem::path& path) = 0;

  // The names in a folder, in order; none where there is no such folder.
  [[nodiscard]] virtual std::vector<std::string> List(const std::filesystem::path& folder) = 0;

  // Makes the folder where it is not there yet and claims it; null where another has it. The claim needs a
  // file of its own in the folder, named "lock".
  [[nodiscard]] virtual std::unique_ptr<FolderClaim> ClaimFolder(const std::filesystem::path& folder) = 0;

  // Makes what happened to the names in `folder` lasting.
  virtual void SyncFolder(const std::filesystem::path& folder) = 0;

  // Appends to `path` under an exclusive lock and syncs it. `compose` is called with the last line of the
  // file (empty where there is none) while the lock is held, and gives the text to append. A last line of
  // more than 16 MiB is an error. Pipes and terminals are written to without lock or last line.
  virtual void AppendLocked(const std::filesystem::path& path,
                            const std::function<std::string(std::string_view last_line)>& compose) = 0;
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

// The real one.
[[nodiscard]] std::unique_ptr<FileSystem> MakePosixFileSystem(BeneathBy beneath_by = BeneathBy::kKernel);

// Bytes in memory that can be read like a file: weights that stand in a model as numbers and not as bytes.
[[nodiscard]] std::unique_ptr<ReadableFile> MakeMemoryFile(std::string name, std::string bytes);

}  // namespace qi8
