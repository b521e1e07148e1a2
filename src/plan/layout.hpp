// Where every output byte goes, before one moves.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "model/model.hpp"
#include "plan/plan.hpp"
#include "qi8/options.hpp"

namespace qi8 {

enum class OutputFile { kModel, kData };

struct OutputPlace {
  OutputFile file = OutputFile::kData;
  std::uint64_t offset = 0;

  friend bool operator==(const OutputPlace&, const OutputPlace&) = default;
};

// One tensor of the input on its way: quantized, or copied byte for byte.
struct WorkItem {
  TensorId source = kNone;
  std::optional<std::size_t> weight;  // index into Plan::weights; nothing: a copy
  std::uint32_t output = 0;           // number of the output tensor that gets the bytes
};

struct Layout {
  std::vector<WorkItem> work;       // by place in the input, so that inputs are read from front to back
  std::vector<OutputPlace> places;  // by number of the output tensor; of those that the model still holds
  std::vector<std::optional<std::uint64_t>> lengths;  // likewise, in bytes; nothing: the model has it no more
  std::uint64_t data_size = 0;                        // of OUTPUT.onnx.data; 0: there is none
  std::uint64_t model_size = 0;                       // of OUTPUT.onnx
};

// Decides for every tensor of the rewritten model whether it stands in the model or beside it, tells the
// model (Model::Place) and renders it with this metadata to learn its exact size. The data file holds tensors
// in the order of the work, so that it is written from front to back too. Throws Error where a model with all
// weights inside would be larger than protobuf allows.
[[nodiscard]] Layout LayOut(Model& model, const Plan& plan, ExternalData external_data,
                            const std::string& data_location, std::span<const MetadataEntry> metadata);

// Tensors smaller than this always stand in the model: an entry for external data takes about as many bytes.
inline constexpr std::uint64_t kInlineBytes = 1024;

}  // namespace qi8
