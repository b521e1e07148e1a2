#pragma once

#include <filesystem>
#include <memory>

#include "io/folder.hpp"

namespace qi8::posix {

// The folder that `path` leads to.
[[nodiscard]] std::unique_ptr<Folder> OpenFolder(const std::filesystem::path& path);

}  // namespace qi8::posix
