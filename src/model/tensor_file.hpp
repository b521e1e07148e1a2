// One tensor in a file of its own, a serialized TensorProto: how the ONNX backend tests keep inputs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/data_type.hpp"
#include "io/file_system.hpp"

namespace qi8 {

struct TensorFile {
  std::string name;  // what the file says; may be empty
  DataType type = DataType::kUndefined;
  std::vector<std::int64_t> dims;  // empty: a scalar
  std::vector<std::byte> data;     // row-major elements in the machine's byte order
};

// Throws Error naming the file where it is not a TensorProto, its elements have no whole number of bytes, or
// its data is not as long as its shape says.
[[nodiscard]] TensorFile ReadTensorFile(FileSystem& file_system, const std::filesystem::path& path);

}  // namespace qi8
