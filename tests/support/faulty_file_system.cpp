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

class FaultyFileSystem::Locked final : public LockedFile {
 public:
  Locked(FaultyFileSystem& owner, std::unique_ptr<LockedFile> real, fs::path path)
      : owner_(owner), real_(std::move(real)), path_(std::move(path)) {}
  EntryStatus Status() override { return real_->Status(); }
  std::string Read(std::size_t limit) override {
    owner_.Check(FileCall::kRead, path_);
    return real_->Read(limit);
  }
  void Write(const std::string& text) override {
    if (const auto reason = owner_.Asked(FileCall::kWrite, path_)) {
      real_->Write(text.substr(0, text.size() / 2));
      Fail(path_.native(), *reason);
    }
    real_->Write(text);
  }

 private:
  FaultyFileSystem& owner_;
  std::unique_ptr<LockedFile> real_;
  fs::path path_;
};

class FaultyFileSystem::FaultyFolder final : public Folder {
 public:
  FaultyFolder(FaultyFileSystem& owner, std::unique_ptr<Folder> real)
      : owner_(owner), real_(std::move(real)) {}

  const fs::path& path() const override { return real_->path(); }
  fs::path StablePath() const override { return real_->StablePath(); }
  EntryStatus Status() override { return real_->Status(); }
  std::uint32_t User() const override { return real_->User(); }
  EntryStatus StatusOfNewFolder() override { return real_->StatusOfNewFolder(); }
  std::optional<EntryStatus> Examine(const std::string& name) override {
    Check(FileCall::kIdentify, name);
    return real_->Examine(name);
  }
  std::unique_ptr<ReadableFile> Open(const std::string& name) override {
    Check(FileCall::kOpen, name);
    return std::make_unique<Readable>(owner_, real_->Open(name));
  }
  std::unique_ptr<WritableFile> Create(const std::string& name) override {
    Check(FileCall::kCreate, name);
    return std::make_unique<Writable>(owner_, real_->Create(name), PathOf(name).native());
  }
  std::unique_ptr<WritableFile> CreateLike(const EntryStatus& other, const std::string& name) override {
    Check(FileCall::kCreate, name);
    return std::make_unique<Writable>(owner_, real_->CreateLike(other, name), PathOf(name).native());
  }
  std::unique_ptr<Folder> OpenFolder(const std::string& name) override {
    Check(FileCall::kOpenFolder, name);
    auto folder = real_->OpenFolder(name);
    if (!folder) return nullptr;
    return std::make_unique<FaultyFolder>(owner_, std::move(folder));
  }
  bool MakeFolder(const std::string& name) override {
    Check(FileCall::kMakeFolder, name);
    return real_->MakeFolder(name);
  }
  bool RemoveFolder(const std::string& name) override {
    Check(FileCall::kRemoveFolder, name);
    return real_->RemoveFolder(name);
  }
  void Remove(const std::string& name) override {
    Check(FileCall::kRemove, name);
    real_->Remove(name);
  }
  void Rename(const std::string& name, Folder& to, const std::string& new_name) override {
    owner_.Check(FileCall::kRename, to.PathOf(new_name));
    real_->Rename(name, RealOf(to), new_name);
  }
  bool Exchange(const std::string& name, Folder& other, const std::string& other_name) override {
    owner_.Check(FileCall::kExchange, other.PathOf(other_name));
    return !owner_.lacking_.contains(FileCall::kExchange) && real_->Exchange(name, RealOf(other), other_name);
  }
  bool MakeLink(const std::string& text, const std::string& name) override {
    Check(FileCall::kMakeLink, name);
    return !owner_.lacking_.contains(FileCall::kMakeLink) && real_->MakeLink(text, name);
  }
  std::optional<std::string> ReadLink(const std::string& name) override {
    Check(FileCall::kReadLink, name);
    return real_->ReadLink(name);
  }
  bool MakeHardLink(const std::string& name, Folder& to, const std::string& new_name) override {
    Check(FileCall::kMakeHardLink, name);
    return !owner_.lacking_.contains(FileCall::kMakeHardLink) &&
           real_->MakeHardLink(name, RealOf(to), new_name);
  }
  std::vector<std::string> List() override {
    owner_.Check(FileCall::kList, path());
    return real_->List();
  }
  std::unique_ptr<LockedFile> Lock(const std::string& name) override {
    Check(FileCall::kLock, name);
    auto locked = real_->Lock(name);
    if (!locked) return nullptr;
    return std::make_unique<Locked>(owner_, std::move(locked), PathOf(name));
  }
  void Sync() override { owner_.Check(FileCall::kSyncFolder, path()); }

 private:
  void Check(FileCall call, const std::string& name) { owner_.Check(call, PathOf(name)); }
  static Folder& RealOf(Folder& folder) { return *dynamic_cast<FaultyFolder&>(folder).real_; }

  FaultyFileSystem& owner_;
  std::unique_ptr<Folder> real_;
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

std::optional<FileIdentity> FaultyFileSystem::Identify(const fs::path& path) {
  Check(FileCall::kIdentify, path);
  return real_.Identify(path);
}

std::uint64_t FaultyFileSystem::FreeSpace(const fs::path& folder) {
  Check(FileCall::kFreeSpace, folder);
  return real_.FreeSpace(folder);
}

std::unique_ptr<Folder> FaultyFileSystem::OpenFolder(const fs::path& path) {
  Check(FileCall::kOpenFolder, path);
  return std::make_unique<FaultyFolder>(*this, real_.OpenFolder(path));
}

void FaultyFileSystem::RequireLog(const LogPlace& log) {
  Check(FileCall::kIdentify, log.path);
  real_.RequireLog(log);
}

void FaultyFileSystem::AppendLocked(const LogPlace& log, const ComposeLine& compose,
                                    const std::function<bool()>& should_stop) {
  Check(FileCall::kAppend, log.path);
  real_.AppendLocked(log, compose, should_stop);
}

std::optional<std::string> FaultyFileSystem::Asked(FileCall call, const fs::path& path) {
  const std::lock_guard lock(mutex_);
  return decide_(call, path.native());
}

void FaultyFileSystem::Check(FileCall call, const fs::path& path) {
  if (const auto reason = Asked(call, path)) Fail(path.native(), *reason);
}

}  // namespace qi8::testing
