#include "tune/measurer.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "compare/mask.hpp"
#include "compare/members.hpp"
#include "core/text.hpp"
#include "qi8/error.hpp"
#include "runtime/fidelity.hpp"
#include "tune/sketch.hpp"

namespace qi8::tune {
namespace {

// What several units read and give is kept in memory while they are measured: as many units as this holds,
// and always one.
constexpr std::uint64_t kTapBytes = 256ULL << 20U;
constexpr std::size_t kMostTapped = 16;  // units at a time

// All errors together, and what a sketch of one has.
constexpr std::uint64_t kSketchBytes = 64ULL << 20U;
constexpr std::size_t kSmallestSketch = 16;
constexpr std::size_t kLargestSketch = 2048;

// Seconds and runs that the time of a model is measured for.
constexpr double kTimeWhole = 2;
constexpr double kTimePart = 0.01;  // in each of the rounds
constexpr std::size_t kRounds = 4;
constexpr std::size_t kMostTimed = 4;  // units that are alike
constexpr std::size_t kFewestRuns = 3;
constexpr std::size_t kMostRuns = 30;
// Percent of the runs that are no slower than the one that counts: what else goes on in the machine only
// adds.
constexpr unsigned kTypical = 25;

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

// The number of elements that the largest output has in any case; at least 1.
std::size_t MostElements(const std::vector<std::vector<runtime::Tensor>>& cases) {
  std::size_t most = 1;
  for (const auto& outputs : cases) {
    for (const runtime::Tensor& output : outputs) {
      most = std::max(most, output.data.size() / ElementBytes(output.type));
    }
  }
  return most;
}

std::uint64_t BytesOf(const std::vector<runtime::Tensor>& tensors) {
  std::uint64_t bytes = 0;
  for (const runtime::Tensor& tensor : tensors) bytes += tensor.data.size();
  return bytes;
}

// Units of one key take the same time.
std::string KeyOf(const UnitMeasure& measure, const std::vector<runtime::Tensor>& inputs) {
  const Unit& unit = measure.unit;
  std::string key = unit.op_type + " " + FormatShape(unit.weight_dims);
  for (const ChoiceMeasure& choice : measure.choices) key += " " + choice.choice.written;
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
      whole_(MakeWorker()) {
  parts_.push_back(MakeWorker());
}

std::unique_ptr<compare::Worker> Measurer::MakeWorker() const {
  return std::make_unique<compare::Worker>(options_.worker, options_.timeout_seconds,
                                           [this] { return observer_.ShouldStop(); });
}

const compare::Worker::Opened& Measurer::Open() {
  opened_ = whole_->Open(path_.native(), options_);
  for (std::size_t i = 0; i < opened_.outputs.size(); ++i) {
    if (IsFloatingPoint(opened_.outputs[i].type)) outputs_.push_back(i);
  }
  if (outputs_.empty()) {
    throw Error(ErrorKind::kFailure, Quote(path_.native()) +
                                         ": the model has no floating-point output, so there is no "
                                         "noise that could be measured");
  }
  return opened_;
}

void Measurer::SetCases(std::vector<compare::InputSet> cases, std::optional<std::size_t> mask) {
  cases_ = std::move(cases);
  mask_ = mask;
}

void Measurer::TryCases() {
  for (const compare::InputSet& one : cases_) {
    whole_->SetInputs(one.inputs);
    static_cast<void>(whole_->TimeRun());
  }
}

Measurements Measurer::Measure(std::vector<Unit> units, const Selection& selection,
                               const std::set<TensorId>& non_finite, const Economy& economy) {
  Measurements measured;
  for (const std::size_t place : outputs_) measured.outputs.push_back(opened_.outputs[place].name);
  for (Unit& unit : units) {
    UnitMeasure& added = measured.units.emplace_back();
    for (const Choice& choice : unit.choices) added.choices.push_back({.choice = choice, .noise = {}});
    added.unit = std::move(unit);
    total_ += added.choices.size();
  }
  if (economy.times_matter) measured.fp32_seconds = TimeExact();
  OpenTapped(measured.units);
  FindReferences(measured);
  if (economy.times_matter) whole_seconds_ = TimeWhole();
  measured.sketch_size = std::clamp<std::size_t>(
      kSketchBytes / (sizeof(float) * total_ * measured.signal.size()), kSmallestSketch, kLargestSketch);
  measured.sketch_size = std::min(measured.sketch_size, MostElements(references_));
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
  for (std::size_t i = 0; i < times_of_unit_.size(); ++i) times_of_unit_[i]->Tell(measured.units[i]);
  return measured;
}

void Measurer::OpenTapped(const std::vector<UnitMeasure>& units) {
  const std::string name = "tapped.onnx";
  Model model = Model::Load(file_system_, path_);
  value_names_ = NamesOf(model);
  std::vector<Unit> tapped;
  tapped.reserve(units.size());
  for (const UnitMeasure& unit : units) tapped.push_back(unit.unit);
  tapped_ = WriteTapped(std::move(model), tapped, scratch_.folder(), name);
  const std::filesystem::path folder = std::filesystem::absolute(path_).parent_path();
  const auto opened = whole_->Open((scratch_.path() / name).native(), options_, folder.native());
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

// Members of a batch are cases of their own where all outputs have one part for each.
std::vector<Measurer::Tensors> Measurer::Members(std::size_t one_case, const Tensors& outputs) const {
  const runtime::Tensor* mask = mask_ ? &cases_[one_case].inputs.at(*mask_) : nullptr;
  const std::int64_t members = compare::BatchOf(cases_[one_case].inputs);
  const auto has_members = [members](const runtime::Tensor& tensor) {
    return !tensor.shape.empty() && tensor.shape.front() == members;
  };
  const bool are_apart =
      members > 1 && std::ranges::all_of(outputs, has_members) && (mask == nullptr || has_members(*mask));
  std::vector<Tensors> parts;
  for (std::int64_t member = 0; member < (are_apart ? members : 1); ++member) {
    const auto part_of = [&](const runtime::Tensor& tensor) {
      return are_apart ? compare::MembersOf(tensor, member, 1) : tensor;
    };
    Tensors& part = parts.emplace_back();
    for (const runtime::Tensor& output : outputs) {
      part.push_back(mask != nullptr ? compare::WithoutMasked(part_of(output), part_of(*mask))
                                     : part_of(output));
    }
  }
  return parts;
}

void Measurer::FindReferences(Measurements& measured) {
  std::vector<std::size_t> wanted;
  for (const std::size_t place : outputs_) wanted.push_back(tapped_outputs_.at(opened_.outputs[place].name));
  for (std::size_t one = 0; one < cases_.size(); ++one) {
    whole_->SetInputs(InputsOf(one));
    first_member_.push_back(references_.size());
    std::vector<Tensors> members = Members(one, whole_->RunFor(wanted));
    for (std::size_t i = 0; i < members.size(); ++i) {
      measured.cases.push_back(cases_[one].label +
                               (members.size() > 1 ? ", member " + std::to_string(i + 1) : ""));
      for (const runtime::Tensor& output : members[i]) {
        measured.signal.push_back(runtime::CompareOutputs(output, output).signal);
      }
      references_.push_back(std::move(members[i]));
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
    whole_->SetInputs(InputsOf(one));
    Tensors tensors = whole_->RunFor(wanted);
    for (std::size_t i = 0; i < read.size(); ++i) taps.values[read[i]].push_back(std::move(tensors[i]));
  }
  return taps;
}

// Every choice is opened in a process of its own, so that they can be timed in turn: the machine's speed
// drifts.
void Measurer::MeasureUnit(Measurements& measured, std::size_t unit, const Taps& taps,
                           const Selection& selection, const std::set<TensorId>& non_finite,
                           const Economy& economy) {
  UnitMeasure& measure = measured.units[unit];
  const std::size_t exact = measure.choices.size() - 1;  // float32
  const auto inputs_of = [&](std::size_t one) {
    Tensors inputs;
    for (const ValueId id : measure.unit.reads) inputs.push_back(taps.values.at(id).at(one));
    return inputs;
  };
  for (std::size_t i = 0; i < measure.choices.size(); ++i) {
    OpenAlone(measure.unit, measure.choices[i].choice, inputs_of(0), selection, non_finite, i);
  }
  if (economy.times_matter) TimeAlone(measure, inputs_of(0));
  const auto outputs_of = [&](std::size_t choice) {
    std::vector<Tensors> outputs;
    for (std::size_t one = 0; one < cases_.size(); ++one) {
      parts_[choice]->SetInputs(inputs_of(one));
      outputs.push_back(parts_[choice]->Run());
    }
    return outputs;
  };
  measure.choices[exact].noise.assign(measured.signal.size(), 0);
  const std::vector<Tensors> exact_outputs = outputs_of(exact);
  CountRun();
  bool is_fine_enough = false;
  for (std::size_t i = 0; i < exact; ++i) {
    ChoiceMeasure& choice = measure.choices[i];
    constexpr double kMargin = 1.05;  // of what is measured
    const bool is_slow = !economy.size_matters && choice.seconds > kMargin * measure.choices[exact].seconds;
    choice.noise.assign(measured.signal.size(), kNoiseWithoutEnd);
    choice.error.assign(measured.signal.size() * measured.sketch_size, 0);
    choice.is_measured = !is_slow && !is_fine_enough;
    if (choice.is_measured) {
      FindNoise(measured, unit, choice, exact_outputs, outputs_of(i));
      is_fine_enough = *std::ranges::max_element(choice.noise) < economy.least_noise;
    }
    CountRun();
  }
}

// Writes the unit and opens it in the process of that number.
void Measurer::OpenAlone(const Unit& unit, const Choice& choice, const Tensors& inputs,
                         const Selection& selection, const std::set<TensorId>& non_finite,
                         std::size_t process) {
  std::vector<DataType> types;
  for (const runtime::Tensor& input : inputs) types.push_back(input.type);
  WriteAlone(file_system_, path_, selection, non_finite, unit, choice, types, codes_, scratch_.folder(),
             kAlone, [this] { return observer_.ShouldStop(); });
  while (parts_.size() <= process) parts_.push_back(MakeWorker());
  static_cast<void>(parts_[process]->Open((scratch_.path() / kAlone).native(), options_));
  scratch_.folder().Remove(kAlone);
  scratch_.folder().Remove(kAlone + ".data");
}

// Times the choices in turn, for several of the units that are alike, so that what else goes on in the
// machine meets all of them. By how much the machine is slower just now than it was, the whole model tells.
void Measurer::TimeAlone(UnitMeasure& measure, const Tensors& inputs) {
  UnitTimes& times = times_[KeyOf(measure, inputs)];
  times_of_unit_.push_back(&times);
  if (times.units < kMostTimed) {
    ++times.units;
    const std::size_t count = measure.choices.size();
    std::vector<double> exact;  // by round
    times.shares.resize(count);
    for (std::size_t i = 0; i < count; ++i) parts_[i]->SetInputs(inputs);
    for (std::size_t round = 0; round < kRounds; ++round) {
      std::vector<double> seconds;
      for (std::size_t i = 0; i < count; ++i) {
        const double first = parts_[i]->TimeRun();  // what the caches hold is not its own yet
        const auto runs = static_cast<std::size_t>(kTimePart / std::max(first, 1e-9));
        seconds.push_back(
            compare::Percentile(parts_[i]->TimeRuns(std::clamp(runs, kFewestRuns, kMostRuns)), kTypical));
      }
      exact.push_back(seconds.back());
      for (std::size_t i = 0; i < count; ++i) times.shares[i].push_back(seconds[i] / seconds.back());
    }
    const double slower = TimeWhole() / whole_seconds_;
    for (const double seconds : exact) times.exact.push_back(seconds / slower);
  }
  times.Tell(measure);
}

// Choices are compared within a round, so that drift falls out. The doubt is twice the standard error of a
// median, by the range of the middle half, which one slow round does not move.
void Measurer::UnitTimes::Tell(UnitMeasure& measure) const {
  const double of_exact = compare::Median(exact);
  for (std::size_t i = 0; i < shares.size(); ++i) {
    constexpr double kErrorOfMedian =
        1.25 / 1.35;  // of a normal distribution, by the range of its middle half
    const double range = compare::Percentile(shares[i], 75) - compare::Percentile(shares[i], 25);
    const double error = kErrorOfMedian * range / std::sqrt(static_cast<double>(shares[i].size()));
    measure.choices[i].seconds = of_exact * compare::Median(shares[i]);
    measure.choices[i].seconds_doubt = 2 * of_exact * error;
  }
}

// Of the model as it is, with the first case.
double Measurer::TimeExact() {
  whole_->SetInputs(cases_.front().inputs);
  static_cast<void>(whole_->TimeRun());
  std::vector<double> times;
  double sum = 0;
  while (times.size() < kFewestRuns || (times.size() < kMostRuns && sum < kTimeWhole)) {
    times.push_back(whole_->TimeRun());
    sum += times.back();
  }
  return compare::Percentile(times, kTypical);
}

// The time of a run of the tapped model with the first case, in seconds.
double Measurer::TimeWhole() {
  whole_->SetInputs(InputsOf(0));
  std::vector<double> times;
  for (std::size_t i = 0; i < kFewestRuns; ++i) times.push_back(whole_->TimeRun());
  return compare::Percentile(times, kTypical);
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
      if (error) choice.injected += runtime::CompareOutputs(*error, *error).signal;
      if (error) inputs.at(tapped_inputs_.at(tap.errors[i])) = *std::move(error);
    }
    if (!has_errors) continue;  // as much noise as there can be
    whole_->SetInputs(inputs);
    const Deviation deviation = DeviationOf(one, whole_->RunFor(wanted), measured.sketch_size);
    const std::size_t at = measured.At(first_member_[one], 0);
    std::ranges::copy(deviation.noise, choice.noise.begin() + static_cast<std::ptrdiff_t>(at));
    std::ranges::copy(deviation.error,
                      choice.error.begin() + static_cast<std::ptrdiff_t>(at * measured.sketch_size));
  }
}

Measurer::Deviation Measurer::DeviationOf(std::size_t one_case, const Tensors& outputs,
                                          std::size_t sketch_size) const {
  Deviation deviation;
  const std::vector<Tensors> members = Members(one_case, outputs);
  const std::size_t first = first_member_[one_case];
  const std::size_t last =
      one_case + 1 < first_member_.size() ? first_member_[one_case + 1] : references_.size();
  for (std::size_t member = 0; member < last - first; ++member) {
    for (std::size_t output = 0; output < outputs_.size(); ++output) {
      deviation.error.resize(deviation.error.size() + sketch_size);
      const runtime::Tensor& reference = references_[first + member][output];
      if (member >= members.size() || members[member][output].shape != reference.shape) {
        deviation.noise.push_back(kNoiseWithoutEnd);
        continue;
      }
      const runtime::Tensor& given = members[member][output];
      const runtime::Fidelity fidelity = runtime::CompareOutputs(reference, given);
      deviation.noise.push_back(fidelity.noise == 0    ? 0
                                : fidelity.signal == 0 ? kNoiseWithoutEnd
                                                       : fidelity.noise / fidelity.signal);
      if (sketch_size == 0 || fidelity.noise == 0 || !std::isfinite(deviation.noise.back())) continue;
      std::vector<double> difference = runtime::ToDoubles(given);
      const std::vector<double> exact = runtime::ToDoubles(reference);
      for (std::size_t i = 0; i < exact.size(); ++i) {
        // Two infinities at one place are equal, as CompareOutputs has it.
        difference[i] = std::isfinite(exact[i]) ? difference[i] - exact[i] : 0;
      }
      AddToSketch(difference, 1 / std::sqrt(fidelity.signal), std::span(deviation.error).last(sketch_size));
    }
  }
  return deviation;
}

std::vector<double> Measurer::NoiseOf(const std::filesystem::path& int8) {
  // One model at a time: the FP32 one has told all that it is needed for.
  whole_ = MakeWorker();
  parts_.resize(1);
  static_cast<void>(parts_.front()->Open(int8.native(), options_));
  std::vector<double> noise;
  for (std::size_t one = 0; one < cases_.size(); ++one) {
    parts_.front()->SetInputs(cases_[one].inputs);
    const std::vector<double> of_case = DeviationOf(one, parts_.front()->RunFor(outputs_), 0).noise;
    noise.insert(noise.end(), of_case.begin(), of_case.end());
  }
  return noise;
}

compare::Both<double> Measurer::TimeBoth(const std::filesystem::path& int8) {
  static_cast<void>(parts_.front()->Open(int8.native(), options_));
  static_cast<void>(whole_->Open(path_.native(), options_));
  whole_->SetInputs(cases_.front().inputs);
  parts_.front()->SetInputs(cases_.front().inputs);
  compare::Both<std::vector<double>> seconds;
  static_cast<void>(whole_->TimeRun());
  static_cast<void>(parts_.front()->TimeRun());
  for (std::size_t round = 0; round < kRounds; ++round) {
    for (const auto& [worker, times] :
         {std::pair(whole_.get(), &seconds.fp32), std::pair(parts_.front().get(), &seconds.int8)}) {
      const auto runs = static_cast<std::size_t>(kTimeWhole / kRounds / std::max(worker->TimeRun(), 1e-9));
      const auto more = worker->TimeRuns(std::clamp(runs, std::size_t{1}, kMostRuns));
      times->insert(times->end(), more.begin(), more.end());
    }
  }
  return {compare::Median(seconds.fp32), compare::Median(seconds.int8)};
}

void Measurer::CountRun() { observer_.OnMeasured(++done_, total_); }

}  // namespace qi8::tune
