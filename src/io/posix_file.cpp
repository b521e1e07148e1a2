#include "io/posix_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include "core/text.hpp"

namespace qi8::posix {
namespace {

class PosixReadableFile final : public ReadableFile {
 public:
  PosixReadableFile(Descriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  [[nodiscard]] const std::string& path() const override { return path_; }
  void ReadAt(std::uint64_t offset, std::span<std::byte> into) const override {
    ReadFully(fd_.get(), path_, offset, into);
  }
  [[nodiscard]] FileIdentity Identity() const override { return IdentityOf(Stat(fd_.get(), path_)); }

 private:
  Descriptor fd_;
  std::string path_;
};

class PosixWritableFile final : public WritableFile {
 public:
  PosixWritableFile(Descriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  void WriteAt(std::uint64_t offset, std::span<const std::byte> bytes) override {
    WriteFully(fd_.get(), path_, offset, bytes);
  }

  void ReadAt(std::uint64_t offset, std::span<std::byte> into) const override {
    ReadFully(fd_.get(), path_, offset, into);
  }

  void Reserve(std::uint64_t size) override {
    if (size == 0) return;
    const auto length = static_cast<off_t>(size);
    if (Retry([&] { return ::fallocate(fd_.get(), 0, 0, length); }) == 0) return;
    if (errno != EOPNOTSUPP && errno != ENOSYS) FailWithErrno("reserve space for", path_);
    if (Retry([&] { return ::ftruncate(fd_.get(), length); }) != 0) FailWithErrno("set the size of", path_);
  }

  void StartWriteBack(std::uint64_t offset, std::uint64_t length) override {
    // Only advice: where the file system cannot, Sync does it all.
    ::sync_file_range(fd_.get(), static_cast<off_t>(offset), static_cast<off_t>(length),
                      SYNC_FILE_RANGE_WRITE);
  }

  void Sync() override {
    if (Retry([&] { return ::fsync(fd_.get()); }) != 0) FailWithErrno("flush to disk", path_);
  }

  void Close() override {
    // Linux closes the descriptor even where a signal interrupts it.
    if (::close(fd_.Release()) != 0 && errno != EINTR) FailWithErrno("close", path_);
  }

 private:
  Descriptor fd_;
  std::string path_;
};

}  // namespace

void ReadFully(int fd, const std::string& path, std::uint64_t offset, std::span<std::byte> into) {
  while (!into.empty()) {
    const ssize_t count =
        Retry([&] { return ::pread(fd, into.data(), into.size(), static_cast<off_t>(offset)); });
    if (count < 0) FailWithErrno("read", path);
    if (count == 0) {
      Fail("cannot read " + Quote(path) + ": it ends at byte " + FormatCount(offset) + ", " +
           FormatCount(into.size()) + " bytes early; was it cut short while it was read?");
    }
    offset += static_cast<std::uint64_t>(count);
    into = into.subspan(static_cast<std::size_t>(count));
  }
}

void WriteFully(int fd, const std::string& path, std::uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count =
        Retry([&] { return ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
    if (count < 0) FailWithErrno("write", path);
    offset += static_cast<std::uint64_t>(count);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

std::unique_ptr<ReadableFile> RegularFile(Descriptor fd, const std::string& shown) {
  if (!fd.is_open()) FailWithErrno("open", shown);
  const struct stat status = Stat(fd.get(), shown);
  if (S_ISDIR(status.st_mode)) Fail("cannot read " + Quote(shown) + ": it is a folder, not a file");
  if (!S_ISREG(status.st_mode)) Fail("cannot read " + Quote(shown) + ": it is not a regular file");
  return std::make_unique<PosixReadableFile>(std::move(fd), shown);
}

std::unique_ptr<WritableFile> NewFile(Descriptor fd, const std::string& shown) {
  if (!fd.is_open()) FailWithErrno("create", shown);
  return std::make_unique<PosixWritableFile>(std::move(fd), shown);
}

}  // namespace qi8::posix
