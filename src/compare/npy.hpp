// Arrays as NumPy saves them, the part of the format that inputs of models need.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>

#include "io/file_system.hpp"
#include "runtime/tensor.hpp"

namespace qi8::compare {

// Reads a .npy file of format 1, 2 or 3 with a little-endian array of float16/32/64, bool or integers in C
// order. Throws Error naming the file and what in it is something else, or does not fit its length.
[[nodiscard]] runtime::Tensor ReadNpy(FileSystem& file_system, const std::filesystem::path& path);

// The same of `size` bytes that come one after the other: `next` fills all of what it is given. `where` is
// what messages begin with.
[[nodiscard]] runtime::Tensor ReadNpy(const std::string& where, std::uint64_t size,
                                      const std::function<void(std::span<std::byte>)>& next);

}  // namespace qi8::compare
