// The models that are run to measure units: the whole one with a place for an error behind each unit, and
// each unit alone.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "exec/rounded_weights.hpp"
#include "io/file_system.hpp"
#include "model/model.hpp"
#include "qi8/options.hpp"
#include "runtime/tensor.hpp"
#include "tune/units.hpp"

namespace qi8::tune {

// Where each thing stands in the model that WriteTapped writes.
struct TappedModel {
  // By unit: the names of its outputs as they are before an error is added, in the order of Unit::gives, and
  // of the inputs that take the errors: a tensor of the output's shape, or a scalar zero.
  struct Tap {
    std::vector<std::string> exact;
    std::vector<std::string> errors;
    std::vector<DataType> error_types;
  };
  std::vector<Tap> taps;
};

// Writes the model with y + d in place of each output y of a unit, where d is another input of the model, and
// with what the units read and give among its outputs. Weights stay in the files that they are in. Uses
// `model` up.
[[nodiscard]] TappedModel WriteTapped(Model model, std::span<const Unit> units, Folder& folder,
                                      const std::string& name);

// Which weights have codes of others, and which have codes that are not the nearest ones.
struct KnownCodes {
  Twins twins;                              // a twin has the codes of the other one, however they are rounded
  const RoundedWeights* rounded = nullptr;  // null: all are the nearest
};

// Writes the unit alone with that choice: a model whose inputs are Unit::reads, of `read_types`, and whose
// outputs are Unit::gives. Its weights stand in NAME.data beside it.
void WriteAlone(FileSystem& file_system, const std::filesystem::path& source, const Selection& selection,
                const std::set<TensorId>& non_finite, const Unit& unit, const Choice& choice,
                std::span<const DataType> read_types, const KnownCodes& codes, Folder& folder,
                const std::string& name, const std::function<bool()>& should_stop);

}  // namespace qi8::tune
