// Files that are taken for ONNX models, or for their data, by mistake.
#pragma once

#include <string>
#include <string_view>

namespace qi8 {

// How many bytes from the beginning of a file NameForeignFormat looks at.
inline constexpr std::size_t kForeignFormatBytes = 512;

// What the file is that begins with these bytes, and what to do about it: "this is a Git LFS pointer ...";
// empty where nothing is known. Some of the beginnings could be those of an ONNX model too, so ask only about
// a file that is none.
[[nodiscard]] std::string NameForeignFormat(std::string_view beginning);

// Whether it is the text file that Git LFS leaves in place of a large file.
[[nodiscard]] bool IsGitLfsPointer(std::string_view beginning);

}  // namespace qi8
