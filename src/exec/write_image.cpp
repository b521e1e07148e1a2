#include "exec/write_image.hpp"

#include <algorithm>
#include <span>
#include <vector>

namespace qi8 {
namespace {

constexpr std::uint64_t kBytesAtATime = 1ULL << 20U;

}  // namespace

void WriteImage(const Model& model, const ModelImage& image, WritableFile& file) {
  std::vector<std::byte> piece;
  std::uint64_t at = 0;
  std::size_t position = 0;
  const auto write_text = [&](std::size_t end) {
    const std::span<const char> text(image.text.data() + position, end - position);
    file.WriteAt(at, std::as_bytes(text));
    at += text.size();
    position = end;
  };
  for (const ModelImage::Slot& slot : image.slots) {
    write_text(slot.text_position);
    const TensorSource& source = model.tensors()[slot.tensor].source;
    for (std::uint64_t done = 0; done < slot.length;) {
      piece.resize(std::min(kBytesAtATime, slot.length - done));
      model.files()[source.file].file->ReadAt(source.range.offset + done, piece);
      file.WriteAt(at, piece);
      done += piece.size();
      at += piece.size();
    }
  }
  write_text(image.text.size());
}

}  // namespace qi8
