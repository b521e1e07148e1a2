// A file system whose calls can be made to fail, each by itself.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "io/file_system.hpp"

namespace qi8::testing {

enum class FileCall {
  kOpen,
  kOpenFolder,
  kRead,
  kCreate,
  kWrite,
  kReserve,
  kSync,
  kClose,
  kIdentify,
  kFreeSpace,
  kRename,
  kExchange,
  kRemove,
  kMakeLink,
  kReadLink,
  kMakeHardLink,
  kMakeFolder,
  kRemoveFolder,
  kList,
  kLock,
  kSyncFolder,
  kAppend,
};

inline constexpr int kFileCalls = static_cast<int>(FileCall::kAppend) + 1;

// How calls of a kind fail in practice, the system's reasons in its words. A write fails after half of its
// bytes.
[[nodiscard]] std::vector<std::string> ReasonsToFail(FileCall call);

// Passes all calls on to another file system, but for the syncing: a process that ends loses nothing that it
// wrote. Calls that only ask a yes or no are not counted as calls.
class FaultyFileSystem final : public FileSystem {
 public:
  // Asked before each call, from any thread, one at a time: the reason for which this call fails, or nothing.
  // It may throw, too.
  using Decide = std::function<std::optional<std::string>(FileCall, const std::string& path)>;

  FaultyFileSystem(FileSystem& real, Decide decide) : real_(real), decide_(std::move(decide)) {}

  // From now on says of Exchange, MakeLink or MakeHardLink that there is no such thing here.
  void Lack(FileCall call) { lacking_.insert(call); }

  std::unique_ptr<ReadableFile> OpenForReading(const std::filesystem::path& path) override;
  std::unique_ptr<ReadableFile> OpenBeneath(const std::filesystem::path& folder,
                                            const std::string& relative) override;
  std::optional<FileIdentity> Identify(const std::filesystem::path& path) override;
  bool IsFolder(const std::filesystem::path& path) override { return real_.IsFolder(path); }
  bool IsWritableFolder(const std::filesystem::path& path) override { return real_.IsWritableFolder(path); }
  std::uint64_t FreeSpace(const std::filesystem::path& folder) override;
  std::unique_ptr<Folder> OpenFolder(const std::filesystem::path& path) override;
  void RequireLog(const LogPlace& log) override;
  void AppendLocked(const LogPlace& log, const ComposeLine& compose,
                    const std::function<bool()>& should_stop) override;

 private:
  class Readable;
  class Writable;
  class FaultyFolder;
  class Locked;

  // The reason to fail, if there is one.
  [[nodiscard]] std::optional<std::string> Asked(FileCall call, const std::filesystem::path& path);
  // Throws where the call is to fail.
  void Check(FileCall call, const std::filesystem::path& path);

  FileSystem& real_;
  Decide decide_;
  std::mutex mutex_;
  std::set<FileCall> lacking_;
};

}  // namespace qi8::testing
