// Runs a model and its units on ONNX Runtime: the whole model in one process, each choice of a unit in
// another.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "compare/cases.hpp"
#include "compare/comparison.hpp"
#include "compare/worker.hpp"
#include "io/temporary_folder.hpp"
#include "qi8/observer.hpp"
#include "qi8/options.hpp"
#include "tune/measurements.hpp"
#include "tune/probe_models.hpp"

namespace qi8::tune {

// What need not be measured.
struct Economy {
  // Where a form of a unit has less than this share of noise at every output, its finer forms are left out.
  double least_noise = 0;
  // Forms that are slower than float32 are left out, unless size is what matters.
  bool size_matters = false;
  // Where only noise is asked for, nothing is timed, and all forms count as equally fast.
  bool times_matter = true;
};

class Measurer {
 public:
  Measurer(FileSystem& file_system, std::filesystem::path model, const compare::RuntimeOptions& options,
           Observer& observer);

  // Opens the model as it is.
  [[nodiscard]] const compare::Worker::Opened& Open();

  // What the model is run with from now on, and which input masks positions.
  void SetCases(std::vector<compare::InputSet> cases, std::optional<std::size_t> mask);
  [[nodiscard]] const std::vector<compare::InputSet>& cases() const { return cases_; }

  // Runs the model with each case. Throws Error where it does not take one.
  void TryCases();

  // Codes that weights have from now on. What they refer to outlives this.
  void SetCodes(KnownCodes codes) { codes_ = std::move(codes); }

  // Measures every choice of the units. The selection and the tensors that are not finite are those that the
  // units were found with. Throws Error where the model has no output of floating point, or cannot be run.
  [[nodiscard]] Measurements Measure(std::vector<Unit> units, const Selection& selection,
                                     const std::set<TensorId>& non_finite, const Economy& economy);

  // By Measurements::At: how far the outputs of the model at this path are from those that Measure found. The
  // FP32 model is closed: nothing more of it can be measured afterwards but its time.
  [[nodiscard]] std::vector<double> NoiseOf(const std::filesystem::path& int8);

  // Runs the FP32 model and the one at this path in turn with the first case: the median of each. Both are
  // opened for it, so nothing can be measured afterwards.
  [[nodiscard]] compare::Both<double> TimeBoth(const std::filesystem::path& int8);

  // The folder that everything temporary is in.
  [[nodiscard]] const TemporaryFolder& scratch() const { return scratch_; }

 private:
  using Tensors = std::vector<runtime::Tensor>;

  // What the units of a group read and give with each case.
  struct Taps {
    std::map<ValueId, std::vector<runtime::Tensor>> values;  // by case
  };

  // What units that are alike take.
  struct UnitTimes {
    std::size_t units = 0;                    // that were timed
    std::vector<double> exact;                // seconds of float32, by round
    std::vector<std::vector<double>> shares;  // of float32's time in the same round, by choice and round

    void Tell(UnitMeasure& measure) const;
  };

  void OpenTapped(const std::vector<UnitMeasure>& units);
  void FindReferences(Measurements& measured);
  [[nodiscard]] Tensors InputsOf(std::size_t one_case) const;
  [[nodiscard]] Taps Tap(const std::vector<Unit*>& units, std::size_t cases);
  void MeasureUnit(Measurements& measured, std::size_t unit, const Taps& taps, const Selection& selection,
                   const std::set<TensorId>& non_finite, const Economy& economy);
  void OpenAlone(const Unit& unit, const Choice& choice, const Tensors& inputs, const Selection& selection,
                 const std::set<TensorId>& non_finite, std::size_t process);
  void TimeAlone(UnitMeasure& measure, const Tensors& inputs);
  [[nodiscard]] double TimeExact();
  [[nodiscard]] double TimeWhole();
  void FindNoise(const Measurements& measured, std::size_t unit, ChoiceMeasure& choice,
                 const std::vector<Tensors>& exact, const std::vector<Tensors>& given);
  // What the outputs of a set of inputs differ from those of FP32, by case and output.
  struct Deviation {
    std::vector<double> noise;  // shares of power
    std::vector<float> error;   // sketches, of so many elements each; none where 0 are wanted
  };
  [[nodiscard]] Deviation DeviationOf(std::size_t one_case, const Tensors& outputs,
                                      std::size_t sketch_size) const;
  [[nodiscard]] std::vector<Tensors> Members(std::size_t one_case, const Tensors& outputs) const;
  [[nodiscard]] std::unique_ptr<compare::Worker> MakeWorker() const;
  void CountRun();

  FileSystem& file_system_;
  std::filesystem::path path_;
  const compare::RuntimeOptions& options_;
  Observer& observer_;
  TemporaryFolder scratch_;
  std::unique_ptr<compare::Worker> whole_;
  std::vector<std::unique_ptr<compare::Worker>> parts_;  // one for each choice of a unit
  compare::Worker::Opened opened_;                       // the model as it is
  std::vector<std::size_t> outputs_;                     // the places of its outputs of floating point
  std::vector<compare::InputSet> cases_;
  std::optional<std::size_t> mask_;
  KnownCodes codes_;

  TappedModel tapped_;
  std::map<std::string, std::size_t> tapped_inputs_;  // places by name
  std::map<std::string, std::size_t> tapped_outputs_;
  std::vector<std::string> value_names_;  // of the model's values
  // What the FP32 model gives as far as it counts, by case; members of a batch are cases of their own.
  std::vector<Tensors> references_;
  std::vector<std::size_t> first_member_;   // by set of inputs: the number of its first case
  double whole_seconds_ = 0;                // of a run of the tapped model, when all began
  std::map<std::string, UnitTimes> times_;  // by what makes units alike
  std::vector<const UnitTimes*> times_of_unit_;
  std::uint64_t done_ = 0;
  std::uint64_t total_ = 0;
};

}  // namespace qi8::tune
