// Files that are open.
//
// Every error is a qi8::Error of kind kFailure made of action, quoted path and the system's reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

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

// What a name stands for: the thing itself, not what a link leads to.
struct EntryStatus {
  enum class Kind { kFile, kFolder, kLink, kOther };  // kOther: a pipe, a socket, a device

  Kind kind = Kind::kOther;
  FileIdentity identity = {};
  std::uint32_t owner = 0;  // user identifier
  std::uint32_t group = 0;
  std::uint32_t mode = 0;        // permission bits, 07777
  std::uint64_t hard_links = 1;  // names of this file

  // By the bits for the group and for all, without looking at who is in the group.
  [[nodiscard]] bool others_may_write() const { return (mode & 022U) != 0; }
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

// Bytes in memory that can be read like a file: weights that stand in a model as numbers and not as bytes.
[[nodiscard]] std::unique_ptr<ReadableFile> MakeMemoryFile(std::string name, std::string bytes);

}  // namespace qi8
