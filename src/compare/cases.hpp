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

struct Case {
  std::string label;
  std::optional<std::int64_t> length;   // of the dimension that --lengths names
  std::vector<runtime::Tensor> inputs;  // in the model's order
};

// Reads `folder`: each of its folders test_data_set_<n> is a case, or, where it has none, it is one itself.
// Of the files in a case, those are inputs that end in .pb (a TensorProto) or .npy and whose name does not
// begin with "output_"; others are passed over. A file input_<n> is the n-th input that the model declares,
// from 0 on, unless the TensorProto in it names another; any other file is the input of its own name, "/" in
// that written as "_". Throws Error where an input is missing, is there twice, or is none of the model's.
[[nodiscard]] std::vector<Case> ReadCases(FileSystem& file_system, const std::filesystem::path& folder,
                                          const std::vector<runtime::ValueInfo>& inputs);

// Makes inputs by what the model declares:
//
//   dynamic dimensions   options.dims by the model's name for it, or by "input:axis"; else 1 for axis 0 and
//   64
//                        for others
//   lengths              a case for each; where they name no dimension, they are those of the first dynamic
//   one
//                        without a value that is not on axis 0, or, where there is none, of the first at all
//   values               options.values by the input's name; else floating point: normally distributed;
//   integers
//                        that index a table (`index_bounds`, by input): any of its rows; int8 and uint8: all
//                        they can be; other integers and bool: 1, as masks and lengths of one mostly are
//
// The same seed gives the same values. Throws Error of kind kUsage where an option names what is not there.
[[nodiscard]] std::vector<Case> GenerateCases(const CompareOptions& options,
                                              const std::vector<runtime::ValueInfo>& inputs,
                                              const std::map<std::string, std::int64_t>& index_bounds);

}  // namespace qi8::compare
