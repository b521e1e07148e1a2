// Initializers of one name in the main graph, which is against the standard and yet met.
#pragma once

#include <string>
#include <vector>

#include "io/file_system.hpp"
#include "model/model_proto.hpp"

namespace qi8 {

// Leaves the last initializer of each name; the names that were there more than once. `file` is where the
// payloads lie that were cut out of the graph.
//
// ONNX Runtime loads such a model with a warning that the last one counts. Measured with 1.30 and 1.32, it
// then does use the last one of external data and of less than 128 bytes, but an earlier one where larger
// numbers stand in the model itself. So larger ones must be the same, bit for bit: else this throws Error
// (kInvalidModel), as nobody can say what the model computes.
[[nodiscard]] std::vector<std::string> KeepLastInitializers(onnx::GraphProto& graph,
                                                            const ReadableFile& file);

}  // namespace qi8
