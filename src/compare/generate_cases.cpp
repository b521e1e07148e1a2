#include <algorithm>
#include <bit>
#include <cctype>
#include <charconv>
#include <cmath>
#include <limits>
#include <set>

#include "compare/cases.hpp"
#include "compare/probes.hpp"
#include "compare/random.hpp"
#include "core/checked.hpp"
#include "core/text.hpp"
#include "qi8/error.hpp"

namespace qi8::compare {
namespace {

constexpr std::int64_t kBatch = 1;
constexpr std::int64_t kOtherDimension = 64;
constexpr std::uint64_t kMostBytes = 1ULL << 32U;  // of one input

[[noreturn]] void FailUsage(const std::string& message) { throw Error(ErrorKind::kUsage, message); }

// A dynamic dimension of an input.
struct Dimension {
  std::string name;   // the model's; may be empty, and may be that of several
  std::string place;  // "input:axis"
  std::size_t axis = 0;

  [[nodiscard]] bool Answers(const std::string& wanted) const {
    return wanted == place || (!name.empty() && wanted == name);
  }
  [[nodiscard]] const std::string& Label() const { return name.empty() ? place : name; }
};

std::vector<Dimension> DynamicDimensions(const std::vector<runtime::ValueInfo>& inputs) {
  std::vector<Dimension> dimensions;
  for (const runtime::ValueInfo& input : inputs) {
    for (std::size_t axis = 0; axis < input.shape.size(); ++axis) {
      if (input.shape[axis] >= 0) continue;
      dimensions.push_back({input.dim_names[axis], input.name + ":" + std::to_string(axis), axis});
    }
  }
  return dimensions;
}

std::string List(const std::vector<Dimension>& dimensions) {
  if (dimensions.empty()) return "all dimensions of this model are fixed";
  std::string text;
  std::set<std::string> listed;
  for (const Dimension& dimension : dimensions) {
    if (listed.insert(dimension.Label()).second) {
      text += (text.empty() ? "" : ", ") + Quote(dimension.Label());
    }
  }
  return "the dynamic dimensions are " + text;
}

void CheckNames(const InputOptions& options, const std::vector<runtime::ValueInfo>& inputs,
                const std::vector<Dimension>& dimensions) {
  const auto check_dimension = [&](const std::string& wanted, const char* option) {
    const auto answers = [&](const Dimension& dimension) { return dimension.Answers(wanted); };
    if (std::ranges::none_of(dimensions, answers)) {
      FailUsage(std::string(option) + ": the model has no dynamic dimension " + Quote(wanted) + "; " +
                List(dimensions));
    }
  };
  for (const auto& [name, value] : options.dims) check_dimension(name, "--dim");
  for (const std::string& name : options.lengths.dimensions) check_dimension(name, "--lengths");
  for (const auto& [name, range] : options.values) {
    if (std::ranges::find(inputs, name, &runtime::ValueInfo::name) == inputs.end()) {
      FailUsage("--values: the model has no input " + Quote(name));
    }
  }
}

// By what a dimension is called, so that all of one name are as large: what stands on axis 0 of the first
// input that has it is a batch.
std::map<std::string, std::int64_t> Defaults(const std::vector<Dimension>& dimensions) {
  std::map<std::string, std::int64_t> defaults;
  for (const Dimension& dimension : dimensions) {
    defaults.try_emplace(dimension.Label(), dimension.axis == 0 ? kBatch : kOtherDimension);
  }
  return defaults;
}

// "past_length" and "length" for "past_length + length", also for "total_length" where there is a "length".
// Nothing where the name says nothing of others.
std::vector<std::string> Terms(const std::string& name, const std::map<std::string, std::int64_t>& known) {
  constexpr std::string_view kTotal = "total_";
  if (name.starts_with(kTotal)) {
    const std::string rest = name.substr(kTotal.size());
    if (!known.contains(rest)) return {};
    const std::string past = "past_" + rest;
    return known.contains(past) ? std::vector{past, rest} : std::vector{rest};
  }
  if (name.find('+') == std::string::npos) return {};
  std::vector<std::string> terms;
  for (std::size_t start = 0; start <= name.size();) {
    const std::size_t end = std::min(name.find('+', start), name.size());
    std::string term = name.substr(start, end - start);
    std::erase_if(term, [](char sign) { return sign == ' ' || sign == '(' || sign == ')'; });
    terms.push_back(std::move(term));
    start = end + 1;
  }
  return terms;
}

// A size for each dimension: what was given, what its name says, or a default.
std::map<std::string, std::int64_t> Sizes(const std::vector<Dimension>& dimensions,
                                          const std::map<std::string, std::int64_t>& given) {
  const auto defaults = Defaults(dimensions);
  auto sizes = given;
  for (const auto& [label, size] : defaults) {
    // A cache of what came before is empty at first.
    sizes.try_emplace(label, label.starts_with("past") && label.find('+') == std::string::npos ? 0 : size);
  }
  for (const auto& [label, size] : defaults) {
    if (given.contains(label)) continue;
    std::int64_t sum = 0;
    const std::vector<std::string> terms = Terms(label, defaults);
    const bool all_known = std::ranges::all_of(terms, [&](const std::string& term) {
      const auto known = sizes.find(term);
      std::int64_t value = 0;
      const auto parsed = std::from_chars(term.data(), term.data() + term.size(), value);
      const bool is_number = parsed.ec == std::errc() && parsed.ptr == term.data() + term.size();
      if (known != sizes.end()) value = known->second;
      const auto together = static_cast<std::uint64_t>(sum) + static_cast<std::uint64_t>(value);
      sum = static_cast<std::int64_t>(std::min<std::uint64_t>(together, INT64_MAX));
      return known != sizes.end() || is_number;
    });
    if (!terms.empty() && all_known) sizes[label] = sum;
  }
  return sizes;
}

// What --lengths are the lengths of.
std::vector<std::string> LengthDimensions(const InputOptions& options,
                                          const std::vector<Dimension>& dimensions) {
  if (!options.lengths.dimensions.empty()) return options.lengths.dimensions;
  const auto defaults = Defaults(dimensions);
  const auto is_batch = [&](const Dimension& dimension) { return defaults.at(dimension.Label()) == kBatch; };
  const Dimension* chosen = nullptr;
  for (const Dimension& dimension : dimensions) {
    const auto is_set = [&](const auto& entry) { return dimension.Answers(entry.first); };
    if (std::ranges::any_of(options.dims, is_set)) continue;
    if (chosen == nullptr || (is_batch(*chosen) && !is_batch(dimension))) chosen = &dimension;
    if (!is_batch(*chosen)) break;
  }
  if (chosen == nullptr) FailUsage("--lengths: no dynamic dimension is left; " + List(dimensions));
  return {chosen->Label()};
}

// `sizes` has one for each dimension by its label, and those that were given by place.
std::vector<std::int64_t> ShapeOf(const runtime::ValueInfo& input,
                                  const std::map<std::string, std::int64_t>& sizes) {
  std::vector<std::int64_t> shape = input.shape;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    if (shape[axis] >= 0) continue;
    const auto by_place = sizes.find(input.name + ":" + std::to_string(axis));
    shape[axis] = by_place != sizes.end() ? by_place->second : sizes.at(input.dim_names[axis]);
  }
  return shape;
}

std::uint16_t Bfloat16Bits(float value) {
  return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16U);
}

// Towards zero; what is too small for a normal number is zero, what is too large the largest.
std::uint16_t Float16Bits(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 16U) & 0x8000U;
  constexpr std::uint32_t kBiasDifference = 127 - 15;
  const std::uint32_t exponent = (bits >> 23U) & 0xFFU;
  if (exponent <= kBiasDifference) return static_cast<std::uint16_t>(sign);
  if (exponent >= kBiasDifference + 31) return static_cast<std::uint16_t>(sign | 0x7BFFU);
  return static_cast<std::uint16_t>(sign | (exponent - kBiasDifference) << 10U | ((bits >> 13U) & 0x3FFU));
}

// Words of a name, for what its author means by it.
bool Says(std::string_view name, std::string_view word) {
  // Not std::ranges::search: Clang 14 does not compile that of libstdc++.
  return std::search(name.begin(), name.end(), word.begin(), word.end(),
                     [](char a, char b) { return std::tolower(a) == b; }) != name.end();
}
bool IsMask(const runtime::ValueInfo& input) { return Says(input.name, "mask"); }
// What an earlier run gave: no signal.
bool IsState(const runtime::ValueInfo& input) {
  return Says(input.name, "past") || Says(input.name, "state") || Says(input.name, "cache");
}

// Makes one input.
class Generator {
 public:
  Generator(const InputOptions& options, const runtime::ValueInfo& input, std::size_t index,
            std::optional<std::int64_t> rows)
      : input_(input), rows_(rows), seed_(options.seed), index_(index) {
    const auto found = options.values.find(input.name);
    if (found != options.values.end()) {
      range_ = found->second;
    } else if (IsMask(input)) {
      range_ = kOne;
    }
  }

  // Those that would differ.
  [[nodiscard]] std::vector<Probe> Probes(const std::vector<std::int64_t>& shape) const {
    const bool is_constant = range_ && range_->low == range_->high;
    if (!IsFloatingPoint(input_.type) || is_constant || IsState(input_)) return {Probe::kWhiteNoise};
    return ProbesFor(shape);
  }

  // As floating point, the probe, or, where it does not suit, the nearest to it that does.
  runtime::Tensor Make(const std::vector<std::int64_t>& shape, Probe probe) {
    const auto elements = ElementCount(shape);
    const auto bytes = elements
                           ? CheckedMultiply(*elements, std::max<std::uint64_t>(1, ElementBytes(input_.type)))
                           : std::nullopt;
    if (!bytes || *bytes > kMostBytes) {
      FailUsage("input " + Quote(input_.name) + ": the shape " + FormatShape(shape) +
                " is negative or too large; see --dim");
    }
    count_ = *elements;
    const std::vector<Probe> own = Probes(shape);
    probe_ = std::ranges::find(own, probe) != own.end() ? probe : own.at(own.size() > 1 ? 1 : 0);
    // Integers are the same with every probe: they are chosen by chance, and more of it would say no more.
    random_ = Random(seed_ + 7919 * static_cast<std::uint64_t>(probe_), index_);
    switch (input_.type) {
      case DataType::kFloat:
        return Floats<float>(shape, [](double value) { return static_cast<float>(value); });
      case DataType::kDouble:
        return Floats<double>(shape, [](double value) { return value; });
      case DataType::kFloat16:
        return Floats<std::uint16_t>(shape,
                                     [](double value) { return Float16Bits(static_cast<float>(value)); });
      case DataType::kBfloat16:
        return Floats<std::uint16_t>(shape,
                                     [](double value) { return Bfloat16Bits(static_cast<float>(value)); });
      case DataType::kInt64:
        return Integers<std::int64_t>(shape, kOne);
      case DataType::kInt32:
        return Integers<std::int32_t>(shape, kOne);
      case DataType::kInt16:
        return Integers<std::int16_t>(shape, kOne);
      case DataType::kInt8:
        return Integers<std::int8_t>(shape, {INT8_MIN, INT8_MAX});
      case DataType::kUint64:
        return Integers<std::uint64_t>(shape, kOne);
      case DataType::kUint32:
        return Integers<std::uint32_t>(shape, kOne);
      case DataType::kUint16:
        return Integers<std::uint16_t>(shape, kOne);
      case DataType::kUint8:
        return Integers<std::uint8_t>(shape, {0, UINT8_MAX});
      case DataType::kBool:
        return Integers<std::uint8_t>(shape, kOne);
      default:
        throw Error(ErrorKind::kFailure, "input " + Quote(input_.name) + " is " +
                                             (input_.is_tensor ? "of type " + DataTypeName(input_.type)
                                                               : std::string("not a tensor")) +
                                             ", for which no values can be made");
    }
  }

 private:
  static constexpr ValueRange kOne{1, 1};

  template <typename T, typename Convert>
  runtime::Tensor Floats(const std::vector<std::int64_t>& shape, Convert convert) {
    const std::vector<double> probe = range_ ? MakeProbe(probe_, shape, random_, range_->low, range_->high)
                                             : MakeProbe(probe_, shape, random_);
    std::vector<T> values;
    values.reserve(count_);
    for (const double value : probe) values.push_back(convert(value));
    return runtime::Tensor::Of<T>(input_.type, shape, values);
  }

  template <typename T>
  runtime::Tensor Integers(const std::vector<std::int64_t>& shape, ValueRange otherwise) {
    ValueRange range = otherwise;
    if (rows_) range = {0, static_cast<double>(std::max<std::int64_t>(1, *rows_) - 1)};
    if (range_) range = *range_;
    // Beyond 2^53 a double has no exact neighbours.
    constexpr double kMost = 9007199254740992.0;
    const double lowest = std::max(-kMost, static_cast<double>(std::numeric_limits<T>::lowest()));
    const double highest = std::min(kMost, static_cast<double>(std::numeric_limits<T>::max()));
    if (range.low < lowest || range.high > highest || range.low != std::floor(range.low) ||
        range.high != std::floor(range.high)) {
      FailUsage("input " + Quote(input_.name) + " is of type " + DataTypeName(input_.type) +
                ", which cannot hold the values that it is given; see --values");
    }
    std::vector<T> values(count_);
    for (T& value : values) {
      value = static_cast<T>(
          random_.Integer(static_cast<std::int64_t>(range.low), static_cast<std::int64_t>(range.high)));
    }
    return runtime::Tensor::Of<T>(input_.type, shape, values);
  }

  const runtime::ValueInfo& input_;
  std::optional<std::int64_t> rows_;
  std::optional<ValueRange> range_;
  std::uint64_t seed_;
  std::uint64_t index_;
  Random random_{0, 0};
  Probe probe_ = Probe::kWhiteNoise;
  std::uint64_t count_ = 0;
};

}  // namespace

Cases GenerateCases(const InputOptions& options, const std::vector<runtime::ValueInfo>& inputs,
                    const std::map<std::string, std::int64_t>& index_bounds) {
  const std::vector<Dimension> dimensions = DynamicDimensions(inputs);
  CheckNames(options, inputs, dimensions);

  const auto make = [&](const std::map<std::string, std::int64_t>& given) {
    const auto sizes = Sizes(dimensions, given);
    std::vector<Generator> generators;
    std::vector<std::vector<std::int64_t>> shapes;
    std::vector<Probe> probes = {Probe::kWhiteNoise};
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const auto bound = index_bounds.find(inputs[i].name);
      generators.emplace_back(options, inputs[i], i,
                              bound == index_bounds.end() ? std::nullopt : std::optional(bound->second));
      shapes.push_back(ShapeOf(inputs[i], sizes));
      const std::vector<Probe> suitable = generators[i].Probes(shapes[i]);
      if (suitable.size() > probes.size()) probes = suitable;
    }
    std::vector<InputSet> sets;
    for (const Probe probe : probes) {
      InputSet& set = sets.emplace_back();
      set.label = ProbeName(probe);
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        set.inputs.push_back(generators[i].Make(shapes[i], probe));
      }
    }
    return sets;
  };

  Cases made;
  if (options.lengths.values.empty()) {
    made.cases.push_back({"generated", std::nullopt, make(options.dims)});
  } else {
    const std::vector<std::string> names = LengthDimensions(options, dimensions);
    for (const std::int64_t length : options.lengths.values) {
      auto dims = options.dims;
      for (const std::string& name : names) dims[name] = length;
      made.cases.push_back({names.front() + "=" + std::to_string(length), length, make(dims)});
    }
  }
  made.from = "made up, seed " + std::to_string(options.seed);
  std::string probes;
  for (const InputSet& set : made.cases.front().sets) probes += (probes.empty() ? ": " : ", ") + set.label;
  if (made.cases.front().sets.size() > 1) made.from += probes;
  return made;
}

}  // namespace qi8::compare
