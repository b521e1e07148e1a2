#include "cli/model_input_options.hpp"

#include <charconv>
#include <cmath>
#include <map>

#include "cli/checks.hpp"
#include "cli/quantity.hpp"
#include "cli/shared_options.hpp"
#include "core/text.hpp"
#include "qi8/error.hpp"

namespace qi8::cli {
namespace {

[[noreturn]] void FailUsage(const std::string& option, const std::string& given, const std::string& form) {
  throw Error(ErrorKind::kUsage, option + ": " + Quote(given) + " is not " + form);
}

template <typename T>
std::optional<T> Parse(std::string_view text) {
  T value{};
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

// Names may have any sign in them, so the value is what follows the last "=".
std::pair<std::string, std::string> SplitAtEquals(const std::string& text) {
  const auto equals = text.rfind('=');
  if (equals == std::string::npos) return {"", text};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

std::int64_t ParseDimension(const std::string& option, const std::string& text) {
  const auto value = Parse<std::int64_t>(text);
  if (!value || *value < 0) FailUsage(option, text, "a size of 0 or more");
  return *value;
}

std::map<std::string, std::int64_t> ParseDims(const std::vector<std::string>& given) {
  std::map<std::string, std::int64_t> dims;
  for (const std::string& text : given) {
    const auto [name, value] = SplitAtEquals(text);
    if (name.empty()) FailUsage("--dim", text, "of the form NAME=SIZE");
    dims[name] = ParseDimension("--dim", value);
  }
  return dims;
}

std::vector<std::string> SplitAtCommas(const std::string& list) {
  std::vector<std::string> parts;
  for (std::size_t start = 0; start <= list.size();) {
    const std::size_t end = std::min(list.find(',', start), list.size());
    parts.push_back(list.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

compare::Lengths ParseLengths(const std::string& given) {
  compare::Lengths lengths;
  if (given.empty()) return lengths;
  const auto [names, list] = SplitAtEquals(given);
  if (!names.empty()) {
    for (const std::string& name : SplitAtCommas(names)) lengths.dimensions.push_back(name);
  }
  for (const std::string& size : SplitAtCommas(list)) {
    lengths.values.push_back(ParseDimension("--lengths", size));
  }
  return lengths;
}

std::map<std::string, compare::ValueRange> ParseValues(const std::vector<std::string>& given) {
  std::map<std::string, compare::ValueRange> ranges;
  for (const std::string& text : given) {
    const auto [name, value] = SplitAtEquals(text);
    const auto colon = value.find("..");
    const auto low = Parse<double>(std::string_view(value).substr(0, std::min(colon, value.size())));
    const auto high =
        colon == std::string::npos ? low : Parse<double>(std::string_view(value).substr(colon + 2));
    if (name.empty() || !low || !high || !std::isfinite(*low) || !std::isfinite(*high) || *low > *high) {
      FailUsage("--values", text, "of the form INPUT=VALUE or INPUT=LOW..HIGH");
    }
    ranges[name] = {*low, *high};
  }
  return ranges;
}

}  // namespace

void ModelInputOptions::AddTo(CLI::App& app, compare::InputOptions& options, const std::string& group) {
  app.add_option(
         "--inputs", options.inputs,
         "Recorded inputs: a .npz file or a folder of such files; a folder with input_0.pb (or .npy), "
         "input_1.pb, ..., or with files named after the inputs; or a folder with such folders, "
         "test_data_set_0, ... [made up from the model's inputs]")
      ->type_name("PATH")
      ->group(group);
  app.add_option("--cases", most_sets_, "Take only the first N sets of the recorded inputs")
      ->check(WholeNumber(1, 1000000000))
      ->type_name("N")
      ->group(group);
  app.add_option("--mask", options.mask,
                 "Input whose zeros switch positions off; outputs do not count there [attention_mask, where "
                 "the model has it]")
      ->type_name("NAME")
      ->group(group);
  app.add_flag("--require-inputs", require_inputs_,
               "Without --inputs, fail (status 2) instead of making inputs up")
      ->group(group);
  app.add_option("--dim", dims_,
                 "Size of a dynamic dimension, by its name or as INPUT:AXIS; repeatable [1 for the first, 0 "
                 "for a past, 64 for others]")
      ->allow_extra_args(false)
      ->type_name("NAME=N")
      ->group(group);
  app.add_option(
         "--lengths", lengths_,
         "Several sizes of a dimension, such as 50,100,200 or time=50,100,200, or of several together, such "
         "as time,total_time=50,100,200")
      ->type_name("LIST")
      ->group(group);
  app.add_option("--values", values_,
                 "Values of an input, such as rate=16000 or codes=0..255; repeatable [signals; "
                 "rows of the table an integer indexes, else 1]")
      ->allow_extra_args(false)
      ->type_name("INPUT=V")
      ->group(group);
  app.add_option("--seed", options.seed, "Other made-up inputs")
      ->type_name("N")
      ->capture_default_str()
      ->group(group);
}

void ModelInputOptions::Finish(compare::InputOptions& options) const {
  const bool made_up_only = !dims_.empty() || !lengths_.empty() || !values_.empty();
  if (!options.inputs.empty() && made_up_only) {
    throw Error(ErrorKind::kUsage, "--inputs gives the inputs; leave --dim, --lengths and --values out");
  }
  if (options.inputs.empty() && require_inputs_) {
    throw Error(ErrorKind::kUsage,
                "--require-inputs does not allow made-up inputs; give recorded ones with --inputs");
  }
  if (options.inputs.empty() && most_sets_) {
    throw Error(ErrorKind::kUsage,
                "--cases limits how many sets of recorded inputs are used; give them with --inputs");
  }
  if (most_sets_) options.most_sets = *most_sets_;
  options.dims = ParseDims(dims_);
  options.lengths = ParseLengths(lengths_);
  options.values = ParseValues(values_);
}

void AddTimeoutOption(CLI::App& app, compare::RuntimeOptions& options, const std::string& group) {
  app.add_option("--timeout", options.timeout_seconds,
                 "Longest time of a load or a run, such as 90s or 80ms; 0: no limit")
      ->transform(InSeconds())
      ->type_name("TIME")
      ->default_str("600s")
      ->group(group);
}

void AddRuntimeOptions(CLI::App& app, compare::RuntimeOptions& options, const std::string& group) {
  app.add_option("--threads", options.threads, "Threads of each [as ONNX Runtime chooses]")
      ->check(WholeNumber(1, 1024))
      ->type_name("N")
      ->group(group);
  AddTimeoutOption(app, options, group);
  AddOnnxRuntimeOption(app, options.onnxruntime, group);
  AddFollowLinksOption(app, options.links, group);
}

}  // namespace qi8::cli
