#include "tune/measurer.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "compare/mask.hpp"
#include "core/text.hpp"
#include "qi8/error.hpp"
#include "runtime/fidelity.hpp"

namespace qi8::tune {
namespace {

// What several units read and give is kept in memory while they are measured: as many units as this holds,
// and always one.
constexpr std::uint64_t kTapBytes = 256ULL << 20U;
constexpr std::size_t kMostTapped = 16;  // units at a time

// Seconds and runs that the time of a model is measured for.
constexpr double kTimeWhole = 2;
constexpr double kTimePart = 0.03;
constexpr std::size_t kFewestRuns = 3;
constexpr std::size_t kMostRuns = 20;

const std::string kAlone = "unit.onnx";

std::vector<std::string> NamesOf(const Model& model) {
  std::vector<std::string> names;
  for (const Value& value : model.values()) names.emplace_back(value.name);
  return names;
}

runtime::Tensor Zero(DataType type) {
  return {.type = type, .shape = {}, .data = std::vector<std::byte>(ElementBytes(type))};
}

template <typename T>
runtime::Tensor DifferenceOf(const runtime::Tensor& from, const runtime::Tensor& minus) {
  const auto a = from.As<T>();
  const auto b = minus.As<T>();
  std::vector<T> difference(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) difference[i] = a[i] - b[i];
  return runtime::Tensor::Of<T>(from.type, from.shape, difference);
}

// Nothing where there is none: other shapes, as of a unit that chooses what it gives, or other types.
std::optional<runtime::Tensor> Difference(const runtime::Tensor& from, const runtime::Tensor& minus) {
  if (from.shape != minus.shape || from.type != minus.type) return std::nullopt;
  switch (from.type) {
    case DataType::kFloat:
      return DifferenceOf<float>(from, minus);
    case DataType::kDouble:
      return DifferenceOf<double>(from, minus);
    default:
      return std::nullopt;
  }
}

std::uint64_t BytesOf(const std::vector<runtime::Tensor>& tensors) {
  std::uint64_t bytes = 0;
  for (const runtime::Tensor& tensor : tensors) bytes += tensor.data.size();
  return bytes;
}

// The least of several runs: what else goes on in the machine only adds.
template <typename Run>
double LeastTime(double seconds, Run run) {
  double least = run();
  const auto runs = static_cast<std::size_t>(seconds / std::max(least, 1e-9));
  for (std::size_t i = 1; i < std::clamp(runs, kFewestRuns, kMostRuns); ++i) least = std::min(least, run());
  return least;
}

// Units of one key take the same time.
std::string KeyOf(const Unit& unit, const Choice& choice, const std::vector<runtime::Tensor>& inputs) {
  std::string key = unit.op_type + " " + choice.written + " " + FormatShape(unit.weight_dims);
  if (unit.members.front() != unit.node) key += " " + unit.label;  // bodies differ
  for (const runtime::Tensor& input : inputs) key += " " + FormatShape(input.shape);
  return key;
}

}  // namespace

Measurer::Measurer(FileSystem& file_system, std::filesystem::path model,
                   const compare::RuntimeOptions& options, Observer& observer)
    : file_system_(file_system),
      path_(std::move(model)),
      options_(options),
      observer_(observer),
      scratch_(file_system),
      whole_(options.worker, options.timeout_seconds, [this] { return observer_.ShouldStop(); }),
      part_(options.worker, options.timeout_seconds, [this] { return observer_.ShouldStop(); }) {}

const compare::Worker::Opened& Measurer::Open() {
  opened_ = whole_.Open(path_.native(), options_);
  for (std::size_t i = 0; i < opened_.outputs.size(); ++i) {
    if (IsFloatingPoint(opened_.outputs[i].type)) outputs_.push_back(i);
  }
  if (outputs_.empty()) {
    throw Error(ErrorKind::kFailure, Quote(path_.native()) +
                                         ": the model has no output of floating point, so there is no "
                                         "noise that could be measured");
  }
  return opened_;
}

void Measurer::SetCases(std::vector<compare::InputSet> cases, std::optional<std::size_t> mask) {
  cases_ = std::move(cases);
  mask_ = mask;
}

Measurements Measurer::Measure(std::vector<Unit> units, const Selection& selection,
                               const std::set<TensorId>& non_finite, const Economy& economy) {
  Measurements measured;
  for (const compare::InputSet& one : cases_) measured.cases.push_back(one.label);
  for (const std::size_t place : outputs_) measured.outputs.push_back(opened_.outputs[place].name);
  for (Unit& unit : units) {
    UnitMeasure& added = measured.units.emplace_back();
    for (const Choice& choice : unit.choices) added.choices.push_back({.choice = choice, .noise = {}});
    added.unit = std::move(unit);
    total_ += added.choices.size();
  }
  whole_.SetInputs(cases_.front().inputs);
  measured.fp32_seconds = LeastTime(kTimeWhole, [this] { return whole_.TimeRun(); });
  OpenTapped(measured.units);
  FindReferences(measured);
  for (std::size_t first = 0; first < measured.units.size();) {
    // As many units as the memory holds, by what one of them and one case takes.
    std::vector<Unit*> group = {&measured.units[first].unit};
    std::uint64_t bytes = 0;
    for (const auto& [id, tensors] : Tap(group, 1).values) bytes += BytesOf(tensors);
    const std::uint64_t of_one = std::max<std::uint64_t>(1, bytes * cases_.size());
    const std::size_t size = std::clamp<std::size_t>(kTapBytes / of_one, 1, kMostTapped);
    const std::size_t last = std::min(first + size, measured.units.size());
    for (std::size_t i = first + 1; i < last; ++i) group.push_back(&measured.units[i].unit);
    const Taps taps = Tap(group, cases_.size());
    for (; first < last; ++first) MeasureUnit(measured, first, taps, selection, non_finite, economy);
  }
  return measured;
}

void Measurer::OpenTapped(const std::vector<UnitMeasure>& units) {
  const std::string name = "tapped.onnx";
  Model model = Model::Load(file_system_, path_);
  value_names_ = NamesOf(model);
  std::vector<Unit> tapped;
  for (const UnitMeasure& unit : units) tapped.push_back(unit.unit);
  tapped_ = WriteTapped(std::move(model), tapped, scratch_.folder(), name);
  const std::filesystem::path folder = std::filesystem::absolute(path_).parent_path();
  const auto opened = whole_.Open((scratch_.path() / name).native(), options_, folder.native());
  for (std::size_t i = 0; i < opened.inputs.size(); ++i) tapped_inputs_[opened.inputs[i].name] = i;
  for (std::size_t i = 0; i < opened.outputs.size(); ++i) tapped_outputs_[opened.outputs[i].name] = i;
}

Measurer::Tensors Measurer::InputsOf(std::size_t one_case) const {
  Tensors inputs(tapped_inputs_.size());
  for (std::size_t i = 0; i < opened_.inputs.size(); ++i) {
    inputs.at(tapped_inputs_.at(opened_.inputs[i].name)) = cases_[one_case].inputs[i];
  }
  for (const TappedModel::Tap& tap : tapped_.taps) {
    for (std::size_t i = 0; i < tap.errors.size(); ++i) {
      inputs.at(tapped_inputs_.at(tap.errors[i])) = Zero(tap.error_types[i]);
    }
  }
  return inputs;
}

runtime::Tensor Measurer::Counted(const runtime::Tensor& output, std::size_t one_case) const {
  return mask_ ? compare::WithoutMasked(output, cases_[one_case].inputs.at(*mask_)) : output;
}

void Measurer::FindReferences(Measurements& measured) {
  std::vector<std::size_t> wanted;
  for (const std::size_t place : outputs_) wanted.push_back(tapped_outputs_.at(opened_.outputs[place].name));
  for (std::size_t one = 0; one < cases_.size(); ++one) {
    whole_.SetInputs(InputsOf(one));
    Tensors& reference = references_.emplace_back();
    for (const runtime::Tensor& output : whole_.RunFor(wanted)) {
      reference.push_back(Counted(output, one));
      measured.signal.push_back(runtime::CompareOutputs(reference.back(), reference.back()).signal);
    }
  }
}

// Inputs of the model are what they are; all else is an output of the tapped model.
Measurer::Taps Measurer::Tap(const std::vector<Unit*>& units, std::size_t cases) {
  std::set<ValueId> values;
  for (const Unit* unit : units) values.insert(unit->reads.begin(), unit->reads.end());
  std::vector<ValueId> read;
  std::vector<std::size_t> wanted;
  Taps taps;
  for (const ValueId id : values) {
    const auto output = tapped_outputs_.find(value_names_[id]);
    if (output != tapped_outputs_.end()) {
      read.push_back(id);
      wanted.push_back(output->second);
      continue;
    }
    const auto input = std::ranges::find(opened_.inputs, value_names_[id], &runtime::ValueInfo::name);
    for (std::size_t one = 0; one < cases; ++one) {
      taps.values[id].push_back(
          cases_[one].inputs.at(static_cast<std::size_t>(input - opened_.inputs.begin())));
    }
  }
  for (std::size_t one = 0; one < cases && !wanted.empty(); ++one) {
    whole_.SetInputs(InputsOf(one));
    Tensors tensors = whole_.RunFor(wanted);
    for (std::size_t i = 0; i < read.size(); ++i) taps.values[read[i]].push_back(std::move(tensors[i]));
  }
  return taps;
}

// float32, the last choice, is run first: what the others give is compared with what it gives.
void Measurer::MeasureUnit(Measurements& measured, std::size_t unit, const Taps& taps,
                           const Selection& selection, const std::set<TensorId>& non_finite,
                           const Economy& economy) {
  UnitMeasure& measure = measured.units[unit];
  ChoiceMeasure& exact = measure.choices.back();
  exact.noise.assign(measured.signal.size(), 0);
  const std::vector<Tensors> exact_outputs = RunAlone(measure.unit, exact, taps, selection, non_finite);
  CountRun();
  bool is_fine_enough = false;
  for (std::size_t i = 0; i + 1 < measure.choices.size(); ++i) {
    ChoiceMeasure& choice = measure.choices[i];
    CountRun();
    choice.noise.assign(measured.signal.size(), kNoiseWithoutEnd);
    choice.is_measured = false;
    if (is_fine_enough) continue;
    const std::vector<Tensors> outputs = RunAlone(measure.unit, choice, taps, selection, non_finite);
    constexpr double kMargin = 1.05;  // of what is measured twice
    if (!economy.size_matters && choice.seconds > kMargin * exact.seconds) continue;
    choice.is_measured = true;
    FindNoise(measured, unit, choice, exact_outputs, outputs);
    is_fine_enough = *std::ranges::max_element(choice.noise) < economy.least_noise;
  }
}

// The outputs of the unit with each case.
std::vector<Measurer::Tensors> Measurer::RunAlone(const Unit& unit, ChoiceMeasure& choice, const Taps& taps,
                                                  const Selection& selection,
                                                  const std::set<TensorId>& non_finite) {
  const auto inputs_of = [&](std::size_t one) {
    Tensors inputs;
    for (const ValueId id : unit.reads) inputs.push_back(taps.values.at(id).at(one));
    return inputs;
  };
  std::vector<DataType> types;
  for (const runtime::Tensor& input : inputs_of(0)) types.push_back(input.type);
  WriteAlone(file_system_, path_, selection, non_finite, unit, choice.choice, types, scratch_.folder(),
             kAlone, [this] { return observer_.ShouldStop(); });
  static_cast<void>(part_.Open((scratch_.path() / kAlone).native(), options_));
  std::vector<Tensors> outputs;
  for (std::size_t one = 0; one < cases_.size(); ++one) {
    part_.SetInputs(inputs_of(one));
    outputs.push_back(part_.Run());
  }
  choice.seconds = TimeAlone(unit, choice.choice, inputs_of(0));
  scratch_.folder().Remove(kAlone);
  scratch_.folder().Remove(kAlone + ".data");
  return outputs;
}

double Measurer::TimeAlone(const Unit& unit, const Choice& choice, const Tensors& inputs) {
  const auto [known, is_new] = seconds_.try_emplace(KeyOf(unit, choice, inputs), 0);
  if (is_new) {
    part_.SetInputs(inputs);
    known->second = LeastTime(kTimePart, [this] { return part_.TimeRun(); });
  }
  return known->second;
}

void Measurer::FindNoise(const Measurements& measured, std::size_t unit, ChoiceMeasure& choice,
                         const std::vector<Tensors>& exact, const std::vector<Tensors>& given) {
  const TappedModel::Tap& tap = tapped_.taps[unit];
  std::vector<std::size_t> wanted;
  for (const std::string& name : measured.outputs) wanted.push_back(tapped_outputs_.at(name));
  for (std::size_t one = 0; one < cases_.size(); ++one) {
    Tensors inputs = InputsOf(one);
    bool has_errors = true;
    for (std::size_t i = 0; i < tap.errors.size(); ++i) {
      auto error = Difference(given[one].at(i), exact[one].at(i));
      has_errors = has_errors && error;
      if (error) inputs.at(tapped_inputs_.at(tap.errors[i])) = *std::move(error);
    }
    if (!has_errors) continue;  // as much noise as there can be
    whole_.SetInputs(inputs);
    const std::vector<double> noise = NoiseIn(one, whole_.RunFor(wanted));
    std::ranges::copy(noise, choice.noise.begin() + static_cast<std::ptrdiff_t>(measured.At(one, 0)));
  }
}

std::vector<double> Measurer::NoiseIn(std::size_t one_case, const Tensors& outputs) const {
  std::vector<double> noise;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const runtime::Tensor& reference = references_[one_case][i];
    const runtime::Tensor counted = Counted(outputs[i], one_case);
    if (counted.shape != reference.shape) {
      noise.push_back(kNoiseWithoutEnd);
      continue;
    }
    const runtime::Fidelity fidelity = runtime::CompareOutputs(reference, counted);
    noise.push_back(fidelity.noise == 0    ? 0
                    : fidelity.signal == 0 ? kNoiseWithoutEnd
                                           : fidelity.noise / fidelity.signal);
  }
  return noise;
}

std::vector<double> Measurer::NoiseOf(const std::filesystem::path& int8) {
  static_cast<void>(part_.Open(int8.native(), options_));
  std::vector<double> noise;
  for (std::size_t one = 0; one < cases_.size(); ++one) {
    part_.SetInputs(cases_[one].inputs);
    const std::vector<double> of_case = NoiseIn(one, part_.RunFor(outputs_));
    noise.insert(noise.end(), of_case.begin(), of_case.end());
  }
  return noise;
}

compare::Both<double> Measurer::TimeBoth(const std::filesystem::path& int8) {
  static_cast<void>(part_.Open(int8.native(), options_));
  static_cast<void>(whole_.Open(path_.native(), options_));
  whole_.SetInputs(cases_.front().inputs);
  part_.SetInputs(cases_.front().inputs);
  compare::Both<std::vector<double>> seconds;
  static_cast<void>(whole_.TimeRun());
  static_cast<void>(part_.TimeRun());
  double sum = 0;
  for (std::size_t i = 0; i < kMostRuns && (i < kFewestRuns || sum < 2 * kTimeWhole); ++i) {
    seconds.fp32.push_back(whole_.TimeRun());
    seconds.int8.push_back(part_.TimeRun());
    sum += seconds.fp32.back() + seconds.int8.back();
  }
  return {compare::Median(seconds.fp32), compare::Median(seconds.int8)};
}

void Measurer::CountRun() { observer_.OnMeasured(++done_, total_); }

}  // namespace qi8::tune
