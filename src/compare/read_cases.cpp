#include <algorithm>
#include <charconv>
#include <system_error>

#include "compare/cases.hpp"
#include "compare/npy.hpp"
#include "core/text.hpp"
#include "model/tensor_file.hpp"
#include "qi8/error.hpp"

namespace qi8::compare {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void Fail(const fs::path& path, const std::string& message) {
  throw Error(ErrorKind::kFailure, Quote(path.native()) + ": " + message);
}

std::vector<fs::path> SortedEntries(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> entries;
  for (fs::directory_iterator next(folder, error), end; !error && next != end; next.increment(error)) {
    entries.push_back(next->path());
  }
  if (error) Fail(folder, "cannot read this folder of inputs: " + error.message());
  std::ranges::sort(entries);
  return entries;
}

// 3 for "<prefix>3".
std::optional<std::size_t> NumberAfter(std::string_view prefix, std::string_view text) {
  if (!text.starts_with(prefix)) return std::nullopt;
  text.remove_prefix(prefix.size());
  std::size_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

struct NamedTensor {
  std::string name;  // as the file says; may be empty
  runtime::Tensor tensor;
};

NamedTensor ReadTensor(FileSystem& file_system, const fs::path& path) {
  if (path.extension() == ".npy") return {"", ReadNpy(file_system, path)};
  TensorFile file = ReadTensorFile(file_system, path);
  return {std::move(file.name), {file.type, std::move(file.dims), std::move(file.data)}};
}

std::size_t InputOf(const fs::path& path, const std::string& name,
                    const std::vector<runtime::ValueInfo>& inputs) {
  const std::string stem = path.stem().native();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    std::string as_file = inputs[i].name;
    std::ranges::replace(as_file, '/', '_');
    if (inputs[i].name == name || as_file == stem) return i;
  }
  const auto number = NumberAfter("input_", stem);
  if (number && *number < inputs.size()) return *number;
  std::string known;
  for (const auto& input : inputs) known += (known.empty() ? "" : ", ") + Quote(input.name);
  Fail(path, "the model has no such input; its inputs are " + known + ", or input_0 and on in this order");
}

Case ReadCase(FileSystem& file_system, const fs::path& folder,
              const std::vector<runtime::ValueInfo>& inputs) {
  Case read{.label = folder.filename().native(), .length = {}, .inputs = {}};
  if (read.label.empty()) read.label = folder.parent_path().filename().native();
  read.inputs.resize(inputs.size());
  std::vector<fs::path> given_by(inputs.size());
  for (const fs::path& path : SortedEntries(folder)) {
    const bool is_tensor = path.extension() == ".pb" || path.extension() == ".npy";
    if (!is_tensor || path.filename().native().starts_with("output_")) continue;
    NamedTensor file = ReadTensor(file_system, path);
    const std::size_t input = InputOf(path, file.name, inputs);
    if (!given_by[input].empty()) {
      Fail(path, "it is the input " + Quote(inputs[input].name) + ", and so is " +
                     Quote(given_by[input].filename().native()));
    }
    given_by[input] = path;
    read.inputs[input] = std::move(file.tensor);
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (given_by[i].empty()) {
      Fail(folder, "no file for the model's input " + Quote(inputs[i].name) + "; add input_" +
                       std::to_string(i) + ".pb or .npy");
    }
  }
  return read;
}

}  // namespace

std::vector<Case> ReadCases(FileSystem& file_system, const fs::path& folder,
                            const std::vector<runtime::ValueInfo>& inputs) {
  struct DataSet {
    std::size_t number;
    fs::path folder;
  };
  std::vector<DataSet> sets;
  for (const fs::path& entry : SortedEntries(folder)) {
    const auto number = NumberAfter("test_data_set_", entry.filename().native());
    if (number && fs::is_directory(entry)) sets.push_back({*number, entry});
  }
  std::ranges::sort(sets, {}, &DataSet::number);
  if (sets.empty()) return {ReadCase(file_system, folder, inputs)};
  std::vector<Case> cases;
  for (const DataSet& set : sets) cases.push_back(ReadCase(file_system, set.folder, inputs));
  return cases;
}

}  // namespace qi8::compare
