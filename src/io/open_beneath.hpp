// External data of a model: opened so that a model can only name what belongs to it.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "io/file_system.hpp"

namespace qi8::posix {

// FileSystem::OpenBeneath on a real disk.
[[nodiscard]] std::unique_ptr<ReadableFile> OpenBeneath(const std::filesystem::path& folder,
                                                        const std::string& relative, LinkPolicy links,
                                                        BeneathBy by);

}  // namespace qi8::posix
