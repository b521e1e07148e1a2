#include "hash/hash_file.hpp"

#include <algorithm>
#include <span>
#include <vector>

#include "hash/sha256.hpp"
#include "qi8/error.hpp"

namespace qi8 {

std::string HashFile(const ReadableFile& file, const std::function<bool()>& should_stop,
                     const std::function<void(std::uint64_t, std::uint64_t)>& on_progress) {
  constexpr std::uint64_t kPieceBytes = 1U << 20U;
  const std::uint64_t size = file.Identity().size;
  std::vector<std::byte> buffer(std::min(size, kPieceBytes));
  Sha256 hash;
  for (std::uint64_t at = 0; at < size; at += buffer.size()) {
    if (should_stop()) throw Error(ErrorKind::kInterrupted, "interrupted");
    const auto piece = std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), size - at));
    file.ReadAt(at, piece);
    hash.Update(piece);
    if (on_progress) on_progress(at + piece.size(), size);
  }
  return hash.FinishHex();
}

}  // namespace qi8
