// A model whose tensors stay as they are, written without the pipeline.
#pragma once

#include "io/file.hpp"
#include "model/model.hpp"

namespace qi8 {

// Writes an image whose slots are tensors of the input as they are.
void WriteImage(const Model& model, const ModelImage& image, WritableFile& file);

}  // namespace qi8
