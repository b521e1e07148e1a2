// What the models are run with: inputs from files, or made up.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compare/comparison.hpp"
#include "io/file_system.hpp"
#include "runtime/onnx_runtime.hpp"

namespace qi8::compare {

// A value for each input, in the model's order.
struct InputSet {
  std::string label;  // of what sets it apart within its case: "1/f noise", "recording 3"
  std::vector<runtime::Tensor> inputs;
};

// Sets of inputs of the same shapes. Runs are timed with the first, fidelity is measured with each.
struct Case {
  std::string label;
  std::optional<std::int64_t> length;  // of the dimension that --lengths names
  std::vector<InputSet> sets;          // at least one
};

struct Cases {
  std::vector<Case> cases;
  std::string from;                // where they come from, for every report
  std::vector<std::string> notes;  // what a reader should know of them
};

// Reads `path`:
//
//   a .npz file    one case: its arrays are inputs by their names, or as input_<n>, or, where none is named
//                  like an input, as arr_<n>. Other arrays are left alone, with a note
//   a folder of    a case each, in the order of the numbers in their names
//   .npz files
//   a folder       each of its folders test_data_set_<n> is a case, or, where it has none, it is one itself.
//                  Of the files in a case, those are inputs that end in .pb (a TensorProto) or .npy and whose
//                  name does not begin with "output_"; others are passed over. A file input_<n> is the n-th
//                  input that the model declares, from 0 on, unless the TensorProto in it names another; any
//                  other file is the input of its own name, "/" in that written as "_"
//
// A tensor that is N times as large along axis 0 as the model's fixed dimension, or has an axis of N more
// before all that the model declares, makes N sets of its case. Of all sets, the first `most` are kept.
//
// Throws Error where an input is missing, is there twice, is none of the model's, or is of another type.
[[nodiscard]] Cases ReadCases(FileSystem& file_system, const std::filesystem::path& path,
                              const std::vector<runtime::ValueInfo>& inputs,
                              std::optional<std::size_t> most = {});

// Makes inputs by what the model declares:
//
//   dynamic dimensions   options.dims by the model's name for it, or by "input:axis"; else what its name
//                        says, as a sum ("past + length", "total_length" of a length and its past) or as a
//                        past, which is 0; else 1 for axis 0 and 64 for others
//   lengths              a case for each; where they name no dimension, they are those of the first dynamic
//                        one without a value that is not on axis 0, or, where there is none, of the first
//   values               options.values by the input's name; else floating point: the probes of probes.hpp,
//                        a set each, but white noise for states; integers that index a table
//                        (`index_bounds`, by input): any of its rows; int8 and uint8: all they can be; masks,
//                        other integers and bool: 1, as masks and lengths of one mostly are
//
// The same seed gives the same values. Throws Error of kind kUsage where an option names what is not there.
[[nodiscard]] Cases GenerateCases(const InputOptions& options, const std::vector<runtime::ValueInfo>& inputs,
                                  const std::map<std::string, std::int64_t>& index_bounds);

}  // namespace qi8::compare
