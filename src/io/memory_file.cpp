#include <cstring>

#include "core/byte_range.hpp"
#include "core/text.hpp"
#include "io/file_system.hpp"
#include "qi8/error.hpp"

namespace qi8 {
namespace {

class MemoryFile final : public ReadableFile {
 public:
  MemoryFile(std::string name, std::string bytes) : name_(std::move(name)), bytes_(std::move(bytes)) {}

  [[nodiscard]] const std::string& path() const override { return name_; }

  void ReadAt(std::uint64_t offset, std::span<std::byte> into) const override {
    if (!ByteRange{offset, into.size()}.Within(bytes_.size())) {
      throw Error(ErrorKind::kFailure, "cannot read " + Quote(name_) + ": it has " +
                                           FormatCount(bytes_.size()) + " bytes, wanted were " +
                                           FormatCount(into.size()) + " from byte " + FormatCount(offset));
    }
    if (!into.empty()) std::memcpy(into.data(), bytes_.data() + offset, into.size());
  }

  [[nodiscard]] FileIdentity Identity() const override { return {.size = bytes_.size()}; }

 private:
  std::string name_;
  std::string bytes_;
};

}  // namespace

std::unique_ptr<ReadableFile> MakeMemoryFile(std::string name, std::string bytes) {
  return std::make_unique<MemoryFile>(std::move(name), std::move(bytes));
}

}  // namespace qi8
