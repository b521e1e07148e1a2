// An INT8 model made again from its FP32 model and compared with the one that is there, in one reading of
// both.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "exec/execute.hpp"
#include "io/file_system.hpp"
#include "model/model.hpp"
#include "origin/origin.hpp"
#include "prepare/rounder.hpp"
#include "qi8/verify.hpp"

namespace qi8 {

struct Rederivation {
  Check tensors;
  Check graph;
  std::vector<std::string>
      source_hashes;  // of the FP32 model and its data files; empty: not recorded, so not made
  std::vector<WeightError> weights;
  // Of the files of the INT8 model, where nothing differs: they were hashed on the way.
  std::vector<std::string> written_hashes;
  std::string inputs_sha256;  // of the inputs that rounding was learned from again; empty: it was not
};

// What to make it from.
struct RederiveSource {
  Model model;
  // SHA-256 of the files of the FP32 model, where `model` is what an optimizer made of them; else they are
  // made on the way.
  std::optional<std::vector<std::string>> hashes;
  std::function<Model()> load_again;  // the same model, where a first attempt finds weights to be kept
  // Learns again what was learned; null: the codes of the INT8 model are taken as they are, and only how far
  // they are from the nearest is checked.
  Rounder* rounder = nullptr;
};

// `written` was loaded from an INT8 model, `origin` is what it says of itself. The same options give the same
// plan and layout; the pipeline that would write the files compares instead. Throws Error as Model::Load and
// Execute do, of kind kUsage where the recorded options do not fit the source.
[[nodiscard]] Rederivation Rederive(FileSystem& file_system, const Model& written, const Origin& origin,
                                    RederiveSource source, const ExecuteOptions& options, Observer& observer);

}  // namespace qi8
