// Files on a real disk.
#pragma once

#include <fcntl.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "io/file.hpp"
#include "io/posix_calls.hpp"

namespace qi8::posix {

// O_NONBLOCK: opening a pipe must not wait for a writer. It has no effect on the regular files that are kept.
inline constexpr int kReadFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

// Fills all of `into`, or fails.
void ReadFully(int fd, const std::string& path, std::uint64_t offset, std::span<std::byte> into);

// Writes all of `bytes`, or fails.
void WriteFully(int fd, const std::string& path, std::uint64_t offset, std::span<const std::byte> bytes);

// A regular file that was opened with kReadFlags, or the error that its opening ended with, or that it is
// something else. `shown` is what messages call it.
[[nodiscard]] std::unique_ptr<ReadableFile> RegularFile(Descriptor fd, const std::string& shown);

[[nodiscard]] std::unique_ptr<WritableFile> NewFile(Descriptor fd, const std::string& shown);

}  // namespace qi8::posix
