#include "support/faulty_file_system.hpp"

#include <utility>

#include "core/text.hpp"
#include "qi8/error.hpp"

namespace qi8::testing {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void Fail(const std::string& path, const std::string& reason) {
  throw Error(ErrorKind::kFailure, "cannot use " + Quote(path) + ": " + reason);
}

}  // namespace

std::vector<std::string> ReasonsToFail(FileCall call) {
  switch (call) {
    case FileCall::kRead:
      return {"Input/output error", "it ends early"};
    case FileCall::kWrite:
    case FileCall::kReserve:
    case FileCall::kAppend:
      return {"No space left on device", "Disk quota exceeded", "Input/output error"};
    case FileCall::kCreate:
    case FileCall::kMakeLink:
    case FileCall::kMakeFolder:
      return {"No space left on device", "Permission denied"};
    default:
      return {"Input/output error"};
  }
}

class FaultyFileSystem::Readable final : public ReadableFile {
 public:
  Readable(FaultyFileSystem& owner, std::unique_ptr<ReadableFile> real)
      : owner_(owner), real_(std::move(real)) {}
  [[nodiscard]] const std::string& path() const override { return real_->path(); }
  void ReadAt(std::uint64_t offset, std::span<std::byte> into) const override {
    owner_.Check(FileCall::kRead, path());
    real_->ReadAt(offset, into);
  }
  [[nodiscard]] FileIdentity Identity() const override {
    owner_.Check(FileCall::kIdentify, path());
    return real_->Identity();
  }

 private:
  FaultyFileSystem& owner_;
  std::unique_ptr<ReadableFile> real_;
};

class FaultyFileSystem::Writable final : public WritableFile {
 public:
  Writable(FaultyFileSystem& owner, std::unique_ptr<WritableFile> real, std::string path)
      : owner_(owner), real_(std::move(real)), path_(std::move(path)) {}
  void WriteAt(std::uint64_t offset, std::span<const std::byte> bytes) override {
    if (const auto reason = owner_.Asked(FileCall::kWrite, path_)) {
      real_->WriteAt(offset, bytes.first(bytes.size() / 2));
      Fail(path_, *reason);
    }
    real_->WriteAt(offset, bytes);
  }
  void ReadAt(std::uint64_t offset, std::span<std::byte> into) const override {
    owner_.Check(FileCall::kRead, path_);
    real_->ReadAt(offset, into);
  }
  void Reserve(std::uint64_t size) override {
    owner_.Check(FileCall::kReserve, path_);
    real_->Reserve(size);
  }
  void StartWriteBack(std::uint64_t, std::uint64_t) override {}
  void Sync() override { owner_.Check(FileCall::kSync, path_); }
  void Close() override {
    real_->Close();
    owner_.Check(FileCall::kClose, path_);  // a file is closed even where closing it fails
  }

 private:
  FaultyFileSystem& owner_;
  std::unique_ptr<WritableFile> real_;
  std::string path_;
};

class FaultyFileSystem::Claim final : public FolderClaim {
 public:
  Claim(FaultyFileSystem& owner, std::unique_ptr<FolderClaim> real, std::string path)
      : owner_(owner), real_(std::move(real)), path_(std::move(path)) {}
  void RemoveFolder() override {
    owner_.Check(FileCall::kRelease, path_);
    real_->RemoveFolder();
  }

 private:
  FaultyFileSystem& owner_;
  std::unique_ptr<FolderClaim> real_;
  std::string path_;
};

std::unique_ptr<ReadableFile> FaultyFileSystem::OpenForReading(const fs::path& path) {
  Check(FileCall::kOpen, path);
  return std::make_unique<Readable>(*this, real_.OpenForReading(path));
}

std::unique_ptr<ReadableFile> FaultyFileSystem::OpenBeneath(const fs::path& folder,
                                                            const std::string& relative) {
  Check(FileCall::kOpen, folder / relative);
  return std::make_unique<Readable>(*this, real_.OpenBeneath(folder, relative));
}

std::unique_ptr<WritableFile> FaultyFileSystem::Create(const fs::path& path) {
  Check(FileCall::kCreate, path);
  return std::make_unique<Writable>(*this, real_.Create(path), path.native());
}

std::optional<FileIdentity> FaultyFileSystem::Identify(const fs::path& path) {
  Check(FileCall::kIdentify, path);
  return real_.Identify(path);
}

std::uint64_t FaultyFileSystem::FreeSpace(const fs::path& folder) {
  Check(FileCall::kFreeSpace, folder);
  return real_.FreeSpace(folder);
}

void FaultyFileSystem::Rename(const fs::path& from, const fs::path& to) {
  Check(FileCall::kRename, to);
  real_.Rename(from, to);
}

bool FaultyFileSystem::Exchange(const fs::path& one, const fs::path& other) {
  Check(FileCall::kExchange, other);
  return !lacking_.contains(FileCall::kExchange) && real_.Exchange(one, other);
}

void FaultyFileSystem::Remove(const fs::path& path) {
  Check(FileCall::kRemove, path);
  real_.Remove(path);
}

bool FaultyFileSystem::MakeLink(const std::string& text, const fs::path& path) {
  Check(FileCall::kMakeLink, path);
  return !lacking_.contains(FileCall::kMakeLink) && real_.MakeLink(text, path);
}

std::optional<std::string> FaultyFileSystem::ReadLink(const fs::path& path) {
  Check(FileCall::kReadLink, path);
  return real_.ReadLink(path);
}

bool FaultyFileSystem::MakeHardLink(const fs::path& file, const fs::path& path) {
  Check(FileCall::kMakeHardLink, file);
  return !lacking_.contains(FileCall::kMakeHardLink) && real_.MakeHardLink(file, path);
}

void FaultyFileSystem::MakeFolder(const fs::path& path) {
  Check(FileCall::kMakeFolder, path);
  real_.MakeFolder(path);
}

void FaultyFileSystem::RemoveFolder(const fs::path& path) {
  Check(FileCall::kRemoveFolder, path);
  real_.RemoveFolder(path);
}

std::vector<std::string> FaultyFileSystem::List(const fs::path& folder) {
  Check(FileCall::kList, folder);
  return real_.List(folder);
}

std::unique_ptr<FolderClaim> FaultyFileSystem::ClaimFolder(const fs::path& folder) {
  Check(FileCall::kClaim, folder);
  auto claim = real_.ClaimFolder(folder);
  if (!claim) return nullptr;
  return std::make_unique<Claim>(*this, std::move(claim), folder.native());
}

void FaultyFileSystem::SyncFolder(const fs::path& folder) { Check(FileCall::kSyncFolder, folder); }

void FaultyFileSystem::AppendLocked(const fs::path& path,
                                    const std::function<std::string(std::string_view)>& compose) {
  Check(FileCall::kAppend, path);
  real_.AppendLocked(path, compose);
}

std::optional<std::string> FaultyFileSystem::Asked(FileCall call, const fs::path& path) {
  const std::lock_guard lock(mutex_);
  return decide_(call, path.native());
}

void FaultyFileSystem::Check(FileCall call, const fs::path& path) {
  if (const auto reason = Asked(call, path)) Fail(path.native(), *reason);
}

}  // namespace qi8::testing
