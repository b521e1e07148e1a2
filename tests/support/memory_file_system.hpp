// A file system in memory: a whole run on it touches no disk. It notes what is read, and its files may claim
// any size.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/byte_range.hpp"
#include "io/file_system.hpp"
#include "model/model.hpp"

namespace qi8::testing {

// Files, folders, symbolic and hard links, as POSIX has them, without permissions. A file is its bytes, then
// zeros up to the size it claims. "." and "/" are always there. May be used from several threads.
class MemoryFileSystem final : public FileSystem {
 public:
  struct Read {
    std::string path;
    ByteRange range;
  };

  // Puts a file there, and the folders it lies in.
  void Add(const std::string& path, std::string bytes);
  void AddZeros(const std::string& path, std::uint64_t size);
  void AddFolder(const std::string& path);

  void SetFreeSpace(std::uint64_t bytes) { free_space_ = bytes; }

  // Every file and link and what it holds, "-> text" for a link; folders are told by "/".
  [[nodiscard]] std::map<std::string, std::string> Listing() const;

  [[nodiscard]] const std::vector<Read>& reads() const { return reads_; }
  [[nodiscard]] const std::vector<std::string>& opened() const { return opened_; }

  std::unique_ptr<ReadableFile> OpenForReading(const std::filesystem::path& path) override;
  std::unique_ptr<ReadableFile> OpenBeneath(const std::filesystem::path& folder,
                                            const std::string& relative) override;
  std::optional<FileIdentity> Identify(const std::filesystem::path& path) override;
  bool IsFolder(const std::filesystem::path& path) override;
  bool IsWritableFolder(const std::filesystem::path& path) override { return IsFolder(path); }
  std::uint64_t FreeSpace(const std::filesystem::path&) override { return free_space_; }
  std::unique_ptr<Folder> OpenFolder(const std::filesystem::path& path) override;
  void RequireLog(const LogPlace& log) override;
  void AppendLocked(const LogPlace& log, const ComposeLine& compose,
                    const std::function<bool()>& should_stop) override;

 private:
  class File;
  class Writer;
  class MemoryFolder;
  class Locked;

  struct Contents {
    std::string bytes;
    std::uint64_t size = 0;
    std::uint64_t inode = 0;
    std::int64_t writes = 0;
  };
  // A file has contents, a link has a text, a folder has neither.
  struct Node {
    std::shared_ptr<Contents> contents;
    std::optional<std::string> link;
    std::uint64_t inode = 0;  // of a folder or a link; a file's is that of its contents

    [[nodiscard]] bool is_folder() const { return !contents && !link; }
  };
  using Nodes = std::map<std::string, Node>;

  // All of these with the mutex held.
  enum class LastLink { kFollow, kKeep };
  [[nodiscard]] std::string Resolve(const std::filesystem::path& path, LastLink last_link) const;
  [[nodiscard]] Nodes::iterator Find(const std::filesystem::path& path, LastLink last_link);
  [[nodiscard]] Node& Existing(const std::filesystem::path& path, LastLink last_link, const char* action);
  Node& Insert(const std::filesystem::path& path, Node node, const char* action);
  void MakeParents(const std::string& path);
  void Move(const std::filesystem::path& from, const std::filesystem::path& to);
  [[nodiscard]] std::shared_ptr<Contents> NewContents(std::string bytes, std::uint64_t size);
  [[nodiscard]] static FileIdentity IdentityOf(const Contents& contents);
  [[nodiscard]] static EntryStatus StatusOf(const Node& node);
  static void ReadContents(const Contents& contents, const std::string& path, std::uint64_t offset,
                           std::span<std::byte> into);

  mutable std::mutex mutex_;
  Nodes nodes_;
  std::set<std::uint64_t> locked_;  // inodes
  std::uint64_t last_inode_ = 0;
  std::uint64_t free_space_ = 1ULL << 50U;
  std::vector<Read> reads_;
  std::vector<std::string> opened_;
};

// The whole file of an image, each slot filled with what `bytes_of` gives for its tensor.
[[nodiscard]] std::string Assemble(const ModelImage& image,
                                   const std::function<std::string(std::uint32_t, std::uint64_t)>& bytes_of);

[[nodiscard]] std::string Zeros(std::uint32_t tensor, std::uint64_t length);

}  // namespace qi8::testing
