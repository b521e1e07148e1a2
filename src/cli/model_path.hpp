// Which file a user means by a path to a model.
#pragma once

#include <filesystem>

namespace qi8::cli {

// The path itself; of a folder, the one .onnx file in it. Throws Error (kUsage) where a folder has none or
// several; the message lists these.
[[nodiscard]] std::filesystem::path ModelAt(const std::filesystem::path& path);

}  // namespace qi8::cli
