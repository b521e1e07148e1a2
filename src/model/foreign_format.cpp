#include "model/foreign_format.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace qi8 {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kGitLfsPointer = "version https://git-lfs.github.com/spec/";

struct Format {
  std::size_t offset;  // where its mark stands
  std::string_view mark;
  std::string_view name;
  std::string_view advice;
};

constexpr std::string_view kExport = "export the model to ONNX first";

constexpr auto kFormats = std::to_array<Format>({
    {0, kGitLfsPointer, "a Git LFS pointer, not the file itself", "fetch that with: git lfs pull"},
    {0, "GGUF"sv, "a GGUF file, not an ONNX model", kExport},
    {8, "{\""sv, "a safetensors file, which has weights and no graph", kExport},
    {0, "PK\x03\x04"sv, "a zip archive, as PyTorch saves models",
     "export it with torch.onnx.export, or unpack it where it holds the .onnx"},
    {0, "\x80\x02"sv, "a Python pickle, as PyTorch saves models", "export it with torch.onnx.export"},
    {0, "\x80\x03"sv, "a Python pickle", kExport},
    {0, "\x80\x04"sv, "a Python pickle", kExport},
    {0, "\x80\x05"sv, "a Python pickle", kExport},
    {0, "\x89HDF\r\n"sv, "an HDF5 file, as Keras saves models", "convert it with tf2onnx"},
    {4, "TFL3"sv, "a TensorFlow Lite model", "convert it with tf2onnx"},
    {4, "ORTM"sv, "a model in the ORT format", "quantize the ONNX model that it was made from"},
    {0, "\x1f\x8b"sv, "compressed by gzip", "unpack it with: gunzip"},
    {0, "\x28\xb5\x2f\xfd"sv, "compressed by zstd", "unpack it with: unzstd"},
    {0,
     "\xfd"
     "7zXZ"sv,
     "compressed by xz", "unpack it with: unxz"},
    {0, "BZh"sv, "compressed by bzip2", "unpack it with: bunzip2"},
    {257, "ustar"sv, "a tar archive", "unpack it with: tar -xf"},
});

bool HasMark(std::string_view beginning, const Format& format) {
  return beginning.size() >= format.offset && beginning.substr(format.offset).starts_with(format.mark);
}

bool IsText(std::string_view beginning) {
  return !beginning.empty() && std::ranges::all_of(beginning, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 ? byte != 0x7f : c == '\n' || c == '\r' || c == '\t';
  });
}

bool IsZeros(std::string_view beginning) {
  return !beginning.empty() && beginning.find_first_not_of('\0') == std::string_view::npos;
}

std::string NameText(std::string_view text) {
  constexpr std::size_t kLongestMark = 16;
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  std::string start(text.substr(0, kLongestMark));
  std::ranges::transform(start, start.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (start.starts_with("<!doctype html") || start.starts_with("<html")) {
    return "this is an HTML page, not an ONNX model: the download got a page in its place";
  }
  if (start.starts_with("<?xml")) {
    return "this is an XML file, not an ONNX model; quantize the model that it was made from";
  }
  return "this is a text file, not an ONNX model; name the .onnx file itself";
}

}  // namespace

bool IsGitLfsPointer(std::string_view beginning) { return beginning.starts_with(kGitLfsPointer); }

std::string NameForeignFormat(std::string_view beginning) {
  for (const Format& format : kFormats) {
    if (HasMark(beginning, format)) {
      return "this is " + std::string(format.name) + "; " + std::string(format.advice);
    }
  }
  if (IsZeros(beginning)) {
    return "this is not a whole ONNX model: it begins with zeros, like a file that was reserved and then not "
           "written; fetch it again";
  }
  return IsText(beginning) ? NameText(beginning) : "";
}

}  // namespace qi8
