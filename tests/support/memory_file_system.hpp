// Files in memory that note what is read of them, and may claim any size.
#pragma once

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "core/byte_range.hpp"
#include "io/file_system.hpp"
#include "model/model.hpp"
#include "qi8/error.hpp"

namespace qi8::testing {

// Reading only. A file is its bytes, then zeros up to the size it claims.
class MemoryFileSystem final : public FileSystem {
 public:
  struct Read {
    std::string path;
    ByteRange range;
  };

  void Add(const std::string& path, std::string bytes) {
    const std::uint64_t size = bytes.size();
    files_[path] = {std::move(bytes), size, files_.size() + 1};
  }
  void AddZeros(const std::string& path, std::uint64_t size) { files_[path] = {"", size, files_.size() + 1}; }

  [[nodiscard]] const std::vector<Read>& reads() const { return reads_; }
  [[nodiscard]] const std::vector<std::string>& opened() const { return opened_; }

  std::unique_ptr<ReadableFile> OpenForReading(const std::filesystem::path& path) override {
    const auto found = files_.find(path.native());
    if (found == files_.end())
      throw Error(ErrorKind::kFailure, "cannot open '" + path.native() + "': none such");
    opened_.push_back(path.native());
    return std::make_unique<File>(*this, path.native(), found->second);
  }

  std::unique_ptr<ReadableFile> OpenBeneath(const std::filesystem::path& folder,
                                            const std::string& relative) override {
    if (relative.empty()) throw Error(ErrorKind::kFailure, "its location is empty");
    return OpenForReading((folder / relative).lexically_normal());
  }

  std::unique_ptr<WritableFile> Create(const std::filesystem::path&) override {
    return Refuse<std::unique_ptr<WritableFile>>();
  }
  std::optional<FileIdentity> Identify(const std::filesystem::path&) override {
    return Refuse<std::optional<FileIdentity>>();
  }
  bool IsFolder(const std::filesystem::path&) override { return Refuse<bool>(); }
  bool IsWritableFolder(const std::filesystem::path&) override { return Refuse<bool>(); }
  std::uint64_t FreeSpace(const std::filesystem::path&) override { return Refuse<std::uint64_t>(); }
  void Rename(const std::filesystem::path&, const std::filesystem::path&) override { Refuse<int>(); }
  void Remove(const std::filesystem::path&) override { Refuse<int>(); }
  void SyncFolder(const std::filesystem::path&) override { Refuse<int>(); }
  void AppendLocked(const std::filesystem::path&,
                    const std::function<std::string(std::string_view)>&) override {
    Refuse<int>();
  }

 private:
  struct Contents {
    std::string bytes;
    std::uint64_t size = 0;
    std::uint64_t inode = 0;
  };

  class File final : public ReadableFile {
   public:
    File(MemoryFileSystem& owner, std::string path, const Contents& contents)
        : owner_(owner), path_(std::move(path)), contents_(contents) {}

    [[nodiscard]] const std::string& path() const override { return path_; }
    [[nodiscard]] FileIdentity Identity() const override {
      return {.device = 1, .inode = contents_.inode, .size = contents_.size, .modified_ns = 0};
    }
    void ReadAt(std::uint64_t offset, std::span<std::byte> into) const override {
      owner_.reads_.push_back({path_, {offset, into.size()}});
      if (!ByteRange{offset, into.size()}.Within(contents_.size)) {
        throw Error(ErrorKind::kFailure, "cannot read '" + path_ + "': it ends before");
      }
      std::ranges::fill(into, std::byte{0});
      if (offset >= contents_.bytes.size()) return;
      const auto count = std::min<std::uint64_t>(into.size(), contents_.bytes.size() - offset);
      if (count > 0) std::memcpy(into.data(), contents_.bytes.data() + offset, count);
    }

   private:
    MemoryFileSystem& owner_;
    std::string path_;
    const Contents& contents_;
  };

  template <typename T>
  [[noreturn]] static T Refuse() {
    throw std::logic_error("loading and planning have no business with this");
  }

  std::map<std::string, Contents> files_;
  std::vector<Read> reads_;
  std::vector<std::string> opened_;
};

// The whole file of an image, each slot filled with what `bytes_of` gives for its tensor.
[[nodiscard]] inline std::string Assemble(
    const ModelImage& image, const std::function<std::string(std::uint32_t, std::uint64_t)>& bytes_of) {
  std::string file;
  std::size_t position = 0;
  for (const auto& slot : image.slots) {
    file += image.text.substr(position, slot.text_position - position);
    position = slot.text_position;
    if (file.size() != slot.offset) throw std::logic_error("a slot is not where it says");
    file += bytes_of(slot.tensor, slot.length);
  }
  return file + image.text.substr(position);
}

[[nodiscard]] inline std::string Zeros(std::uint32_t, std::uint64_t length) {
  return std::string(length, '\0');
}

}  // namespace qi8::testing
