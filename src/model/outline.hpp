// What a model file says of itself, without looking at its tensors or at its data files.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/model.hpp"

namespace qi8 {

struct ModelOutline {
  std::vector<MetadataEntry> metadata;
  std::set<std::string> data_locations;  // of external data, as the model names them
};

// Nothing where the file is not an ONNX model, or is a damaged one. Throws Error where it cannot be read.
[[nodiscard]] std::optional<ModelOutline> ReadOutline(const ReadableFile& file);

}  // namespace qi8
