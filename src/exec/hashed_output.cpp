#include "exec/hashed_output.hpp"

#include <algorithm>
#include <stdexcept>
#include <vector>

namespace qi8 {
namespace {

constexpr std::uint64_t kReadBackBytes = 256U << 10U;
constexpr std::uint64_t kWriteBackBytes = 32U << 20U;

}  // namespace

HashedOutput::HashedOutput(WritableFile& file, std::uint64_t size) : file_(file), size_(size) {
  file_.Reserve(size);
}

void HashedOutput::Write(std::uint64_t offset, std::span<const std::byte> bytes) {
  file_.WriteAt(offset, bytes);
  if (offset != hashed_) return MarkWritten({offset, bytes.size()});
  hash_.Update(bytes);
  hashed_ += bytes.size();
  HashWhatFollows();
}

void HashedOutput::MarkWritten(ByteRange range) {
  if (range.length == 0) return;
  ahead_.emplace(range.offset, range.length);
  HashWhatFollows();
}

void HashedOutput::HashWhatFollows() {
  std::vector<std::byte> buffer;
  while (!ahead_.empty() && ahead_.begin()->first == hashed_) {
    const std::uint64_t end = hashed_ + ahead_.begin()->second;
    ahead_.erase(ahead_.begin());
    buffer.resize(std::max<std::uint64_t>(buffer.size(), std::min(kReadBackBytes, end - hashed_)));
    while (hashed_ < end) {
      const auto piece = std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), end - hashed_));
      file_.ReadAt(hashed_, piece);
      hash_.Update(piece);
      hashed_ += piece.size();
    }
  }
  if (hashed_ - written_back_ >= kWriteBackBytes) {
    file_.StartWriteBack(written_back_, hashed_ - written_back_);
    written_back_ = hashed_;
  }
}

std::string HashedOutput::Finish() {
  if (hashed_ != size_) throw std::logic_error("an output file was not written whole");
  return hash_.FinishHex();
}

}  // namespace qi8
