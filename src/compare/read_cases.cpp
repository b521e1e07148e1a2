#include <algorithm>
#include <charconv>
#include <system_error>

#include "compare/cases.hpp"
#include "compare/npy.hpp"
#include "compare/npz.hpp"
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

std::string Names(const std::vector<runtime::ValueInfo>& inputs) {
  std::string known;
  for (const auto& input : inputs) known += (known.empty() ? "" : ", ") + Quote(input.name);
  return known;
}

// The input of this name, or of this number behind `prefix`.
std::optional<std::size_t> InputOf(const std::string& stem, const std::string& name, std::string_view prefix,
                                   const std::vector<runtime::ValueInfo>& inputs) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    std::string as_file = inputs[i].name;
    std::ranges::replace(as_file, '/', '_');
    if (inputs[i].name == name || inputs[i].name == stem || as_file == stem) return i;
  }
  const auto number = NumberAfter(prefix, stem);
  return number && *number < inputs.size() ? number : std::nullopt;
}

// The line of Python that makes an input of one type one of another.
void CheckType(const std::string& where, const runtime::Tensor& tensor, const runtime::ValueInfo& input) {
  if (tensor.type == input.type) return;
  const std::string name = DataTypeName(input.type);
  const bool is_sound = tensor.type == DataType::kInt16 && IsFloatingPoint(input.type);
  throw Error(ErrorKind::kFailure,
              where + ": its elements are " + DataTypeName(tensor.type) + ", and the model's input " +
                  Quote(input.name) + " takes " + name + "; save array.astype('" + name + "')" +
                  (is_sound ? " / 32768, or scale the sound as it was scaled for training," : "") +
                  " instead");
}

// How many sets of inputs a tensor holds, 1 where it is just what the model declares, and how many of its
// elements along axis 0 are one set's.
struct Split {
  std::size_t sets = 1;
  bool drops_axis = false;  // the model does not have the axis along which they stand
};
Split SplitOf(const runtime::Tensor& tensor, const runtime::ValueInfo& declared) {
  const auto& shape = tensor.shape;
  const auto fits = [&](std::size_t skip) {
    for (std::size_t axis = skip; axis < declared.shape.size(); ++axis) {
      const auto size = shape[shape.size() - declared.shape.size() + axis];
      if (declared.shape[axis] >= 0 && declared.shape[axis] != size) return false;
    }
    return true;
  };
  if (declared.shape.empty() || shape.empty() || shape[0] < 1) return {};
  const std::int64_t fixed = declared.shape[0];
  if (shape.size() == declared.shape.size() + 1 && fits(0)) {
    return {.sets = static_cast<std::size_t>(shape[0]), .drops_axis = true};
  }
  if (shape.size() != declared.shape.size() || fixed < 1 || shape[0] % fixed != 0 || !fits(1)) return {};
  return {.sets = static_cast<std::size_t>(shape[0] / fixed)};
}

bool Fits(const runtime::Tensor& tensor, const runtime::ValueInfo& declared) {
  if (declared.shape.empty()) return false;  // a scalar, or nothing is known
  const auto fits = [](std::int64_t size, std::int64_t wanted) { return wanted < 0 || size == wanted; };
  return std::ranges::equal(tensor.shape, declared.shape, fits) || SplitOf(tensor, declared).sets > 1;
}

runtime::Tensor PartOf(const runtime::Tensor& tensor, const Split& split, std::size_t set) {
  if (split.sets == 1 && !split.drops_axis) return tensor;
  runtime::Tensor part{tensor.type, tensor.shape, {}};
  part.shape[0] /= static_cast<std::int64_t>(split.sets);
  if (split.drops_axis) part.shape.erase(part.shape.begin());
  const std::size_t bytes = tensor.data.size() / split.sets;
  const auto first = tensor.data.begin() + static_cast<std::ptrdiff_t>(set * bytes);
  part.data.assign(first, first + static_cast<std::ptrdiff_t>(bytes));
  return part;
}

// Reads cases up to a number of sets.
class Reader {
 public:
  Reader(FileSystem& file_system, const std::vector<runtime::ValueInfo>& inputs,
         std::optional<std::size_t> most)
      : file_system_(file_system), inputs_(inputs), most_(most) {}

  void ReadFolder(const fs::path& folder) {
    if (IsFull()) return;
    Start();
    for (const fs::path& path : SortedEntries(folder)) {
      const bool is_tensor = path.extension() == ".pb" || path.extension() == ".npy";
      if (!is_tensor || path.filename().native().starts_with("output_")) continue;
      NamedTensor file = ReadTensor(file_system_, path);
      const auto input = InputOf(path.stem().native(), file.name, "input_", inputs_);
      if (!input) {
        Fail(path, "the model has no such input; name the file after one of " + Names(inputs_) +
                       ", or input_0, input_1, ... in this order");
      }
      Give(path, path.filename().native(), *input, std::move(file.tensor));
    }
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      if (given_by_[i].empty()) {
        Fail(folder, "no file for the model's input " + Quote(inputs_[i].name) + "; add input_" +
                         std::to_string(i) + ".pb or .npy");
      }
    }
    std::string label = folder.filename().native();
    if (label.empty()) label = folder.parent_path().filename().native();
    Finish(folder, label);
  }

  void ReadArchive(const fs::path& path) {
    if (IsFull()) return;
    Start();
    NpzFile archive(file_system_, path);
    const auto& names = archive.names();
    const auto is_named = [&](const std::string& name) {
      return InputOf(name, "", "input_", inputs_).has_value();
    };
    const bool by_place = std::ranges::none_of(names, is_named);
    const auto is_numbered = [&](const std::string& name) {
      return InputOf(name, "", "arr_", inputs_).has_value();
    };
    std::optional<std::size_t> only;
    if (by_place && std::ranges::none_of(names, is_numbered)) only = OnlyThatFits(archive);
    std::string ignored;
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto input = only == i ? std::optional<std::size_t>(0)
                                   : InputOf(names[i], "", by_place ? "arr_" : "input_", inputs_);
      if (input) {
        Give(path, names[i], *input, archive.Read(i));
      } else {
        ignored += (ignored.empty() ? "" : ", ") + Quote(names[i]);
      }
    }
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      if (given_by_[i].empty()) {
        Fail(path, "it has no array for the model's input " + Quote(inputs_[i].name) + ", only " +
                       (ignored.empty() ? "arrays for its other inputs" : ignored) +
                       "; name arrays after inputs: numpy.savez(file, **{'" + Plain(inputs_[i].name) +
                       "': array})");
      }
    }
    Finish(path, path.filename().native());
    if (!ignored.empty()) {
      read_.notes.push_back("of " + Quote(path.native()) +
                            ", arrays that are not inputs were left alone: " + ignored);
    }
  }

  Cases Result(const fs::path& path) {
    std::size_t sets = 0;
    for (const Case& one : read_.cases) sets += one.sets.size();
    read_.from =
        Quote(path.native()) + ", " + (sets == 1 ? "1 set of inputs" : FormatCount(sets) + " sets of inputs");
    return std::move(read_);
  }

 private:
  // Where a model has one input and one array alone has its shape, its name does not matter.
  [[nodiscard]] std::optional<std::size_t> OnlyThatFits(NpzFile& archive) const {
    std::optional<std::size_t> only;
    if (inputs_.size() != 1) return only;
    for (std::size_t i = 0; i < archive.names().size(); ++i) {
      if (!Fits(archive.Read(i), inputs_[0])) continue;
      if (only) return std::nullopt;
      only = i;
    }
    return only;
  }

  [[nodiscard]] bool IsFull() const { return most_ && taken_ >= *most_; }

  void Start() {
    given_by_.assign(inputs_.size(), "");
    tensors_.assign(inputs_.size(), {});
  }

  void Give(const fs::path& path, const std::string& name, std::size_t input, runtime::Tensor tensor) {
    const std::string where =
        Quote(path.native()) + (path.filename().native() == name ? "" : ": array " + Quote(name));
    if (!given_by_[input].empty()) {
      throw Error(ErrorKind::kFailure, where + ": it gives the input " + Quote(inputs_[input].name) +
                                           ", and so does " + Quote(given_by_[input]) + "; remove one");
    }
    CheckType(where, tensor, inputs_[input]);
    given_by_[input] = name;
    tensors_[input] = std::move(tensor);
  }

  void Finish(const fs::path& path, const std::string& label) {
    std::vector<Split> splits;
    std::size_t sets = 1;
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      splits.push_back(SplitOf(tensors_[i], inputs_[i]));
      if (splits[i].sets == 1) continue;
      if (sets != 1 && sets != splits[i].sets) {
        Fail(path, "one input has " + FormatCount(sets) + " recordings and another " +
                       FormatCount(splits[i].sets) + "; each must have the same number");
      }
      sets = splits[i].sets;
    }
    Case made{.label = label, .length = {}, .sets = {}};
    for (std::size_t set = 0; set < sets && !IsFull(); ++set, ++taken_) {
      InputSet& one = made.sets.emplace_back();
      one.label = sets == 1 ? label : "recording " + std::to_string(set);
      for (std::size_t i = 0; i < inputs_.size(); ++i) {
        one.inputs.push_back(PartOf(tensors_[i], splits[i], splits[i].sets == 1 ? 0 : set));
      }
    }
    read_.cases.push_back(std::move(made));
  }

  FileSystem& file_system_;
  const std::vector<runtime::ValueInfo>& inputs_;
  std::optional<std::size_t> most_;
  std::size_t taken_ = 0;
  std::vector<std::string> given_by_;  // of the case that is being read, by input
  std::vector<runtime::Tensor> tensors_;
  Cases read_;
};

// Numbers in names count as numbers: 2 before 10.
bool NaturallyBefore(const std::string& a, const std::string& b) {
  const auto is_digit = [](char sign) { return sign >= '0' && sign <= '9'; };
  std::size_t i = 0;
  std::size_t j = 0;
  const auto number = [&](const std::string& text, std::size_t& at) {
    while (at < text.size() && text[at] == '0') ++at;
    const std::size_t start = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    return text.substr(start, at - start);
  };
  while (i < a.size() && j < b.size()) {
    if (is_digit(a[i]) && is_digit(b[j])) {
      const std::string left = number(a, i);
      const std::string right = number(b, j);
      if (left.size() != right.size()) return left.size() < right.size();
      if (left != right) return left < right;
    } else {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i;
      ++j;
    }
  }
  return a.size() - i != b.size() - j ? a.size() - i < b.size() - j : a < b;
}

}  // namespace

Cases ReadCases(FileSystem& file_system, const fs::path& path, const std::vector<runtime::ValueInfo>& inputs,
                std::optional<std::size_t> most) {
  Reader reader(file_system, inputs, most);
  if (path.extension() == ".npz" && !fs::is_directory(path)) {
    reader.ReadArchive(path);
    return reader.Result(path);
  }
  struct DataSet {
    std::size_t number;
    fs::path folder;
  };
  std::vector<DataSet> sets;
  std::vector<fs::path> archives;
  for (const fs::path& entry : SortedEntries(path)) {
    const auto number = NumberAfter("test_data_set_", entry.filename().native());
    if (number && fs::is_directory(entry)) sets.push_back({*number, entry});
    if (entry.extension() == ".npz") archives.push_back(entry);
  }
  if (!sets.empty() && !archives.empty()) {
    Fail(path, "it has both folders " + Quote(sets[0].folder.filename().native()) + " and .npz files as " +
                   Quote(archives[0].filename().native()) + "; keep one kind");
  }
  std::ranges::sort(sets, {}, &DataSet::number);
  std::ranges::sort(archives, NaturallyBefore,
                    [](const fs::path& entry) { return entry.filename().native(); });
  for (const DataSet& set : sets) reader.ReadFolder(set.folder);
  for (const fs::path& archive : archives) reader.ReadArchive(archive);
  if (sets.empty() && archives.empty()) reader.ReadFolder(path);
  return reader.Result(path);
}

}  // namespace qi8::compare
