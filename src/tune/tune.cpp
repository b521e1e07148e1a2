#include "tune/tune.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "app/quantize.hpp"
#include "compare/cases.hpp"
#include "compare/index_bounds.hpp"
#include "compare/mask.hpp"
#include "compare/saturation_note.hpp"
#include "core/text.hpp"
#include "exec/unstorable.hpp"
#include "hash/hash_file.hpp"
#include "plan/node_forms.hpp"
#include "prepare/prepare.hpp"
#include "prepare/twins.hpp"
#include "qi8/error.hpp"
#include "rounding/inputs.hpp"
#include "rounding/split.hpp"
#include "runtime/saturation.hpp"
#include "tune/influences.hpp"
#include "tune/input_rounder.hpp"
#include "tune/measurer.hpp"
#include "tune/plan_text.hpp"
#include "tune/trial.hpp"
#include "tune/units.hpp"

namespace qi8::tune {
namespace {

// A run within a run: only the wish to stop goes on.
class QuietObserver : public Observer {
 public:
  explicit QuietObserver(Observer& outer) : outer_(outer) {}
  [[nodiscard]] bool ShouldStop() override { return outer_.ShouldStop(); }

 protected:
  [[nodiscard]] Observer& outer() { return outer_; }

 private:
  Observer& outer_;
};

// Does again what was done before: how far it is goes on, too, and what was warned of is not said twice.
class RepeatingObserver final : public QuietObserver {
 public:
  using QuietObserver::QuietObserver;
  void OnStage(std::string_view stage) override { outer().OnStage(stage); }
  void OnMeasured(std::uint64_t done, std::uint64_t total) override { outer().OnMeasured(done, total); }
};

std::uint64_t BytesOf(const Model& model) {
  std::uint64_t bytes = 0;
  for (const InputFile& file : model.files()) bytes += file.in_memory ? 0 : file.identity.size;
  return bytes;
}

const std::string kWhole = "int8.onnx";

// What is tried.
struct TriedPlan {
  Choices choices;
  Prediction predicted;  // the sum, and what was learnt from the plan before
  PlanMeasure found;
  double summed_db = 0;  // by the sum alone
};

class Tuner {
 public:
  Tuner(FileSystem& file_system, const TuneOptions& options, Observer& observer)
      : file_system_(file_system),
        options_(options),
        observer_(observer),
        measurer_(file_system, options.model, options, observer) {}

  Tuning Run() {
    observer_.OnStage("read");
    Model model = Model::Load(file_system_, options_.model);
    for (const std::string& warning : model.warnings()) observer_.OnWarning(warning);
    tuning_.model_sha256 = HashFile(*model.files().front().file, [this] { return observer_.ShouldStop(); });
    const std::set<TensorId> non_finite =
        TensorsOf(FindUnstorable(model, options_.selection, [this] { return observer_.ShouldStop(); }));
    Units units = FindUnits(model, options_.selection, options_.forms, non_finite);
    if (units.units.empty()) {
      throw Error(ErrorKind::kFailure, Quote(options_.model.native()) +
                                           " has no node whose form could be chosen; inspect shows why");
    }

    observer_.OnStage("load");
    OpenModel(model);
    const std::uint64_t fp32_bytes = BytesOf(model);
    const Twins twins = FindTwins(model, [this] { return observer_.ShouldStop(); });
    model.SetTwins(twins);
    measurer_.SetCodes({.twins = twins});
    std::optional<Measurements> nearest;
    if (learns_) {
      nearest = MeasureNearest(units.units, twins, non_finite);
      Learn(model, *nearest, non_finite);
      measurer_.SetCodes({.twins = twins, .rounded = &tuning_.rounded->codes});
    }

    observer_.OnStage("measure");
    tuning_.measured =
        measurer_.Measure(std::move(units.units), options_.selection, non_finite, EconomyFor());
    if (nearest) {
      TakeBack(model, to_learn_, {*nearest, tuning_.measured}, *tuning_.rounded);
    }
    tuning_.measured.unplanned = std::move(units.unplanned);
    tuning_.measured.fp32_bytes = fp32_bytes;

    observer_.OnStage("choose");
    Conclude(non_finite);
    return std::move(tuning_);
  }

 private:
  void OpenModel(const Model& model) {
    const auto& opened = measurer_.Open();
    tuning_.runtime_version = opened.runtime_version;
    compare::Cases cases =
        options_.inputs.empty()
            ? compare::GenerateCases(options_, opened.inputs, compare::IndexBounds(model))
            : compare::ReadCases(file_system_, options_.inputs, opened.inputs, options_.most_sets);
    inputs_name_ = cases.from;
    tuning_.inputs_from = cases.from;
    for (const std::string& note : cases.notes) Note(note);
    if (options_.inputs.empty()) {
      Note(
          "the inputs were made up, so the plan rests on a guess of what the model is given; recorded ones "
          "(--inputs) make it sure");
    }
    if (options_.selection.scheme.type == WeightType::kInt8 && runtime::ProductsSaturateHere()) {
      Note(compare::SaturationNote());
    }
    const auto mask = compare::FindMask(options_.mask, opened.inputs);
    if (mask) {
      tuning_.inputs_from +=
          "; positions that " + Quote(opened.inputs[*mask].name) + " switches off do not count";
    }
    std::vector<compare::InputSet> sets = rounding::SetsOf(std::move(cases));
    tuning_.inputs_sha256 =
        rounding::HashOf(sets, mask ? std::optional(opened.inputs[*mask].name) : std::nullopt);
    mask_ = mask;
    if (options_.rounding == Rounding::kLearned) rounding::RequireRecorded(options_.inputs);
    const bool may_learn = !options_.rounding && !options_.inputs.empty() && rounding::CanSplit(sets);
    learns_ = options_.rounding == Rounding::kLearned || may_learn;
    if (learns_) {
      split_ = rounding::Split(std::move(sets));
      sets = split_.judged_by;
      tuning_.inputs_from += "; rounding is learned from " + FormatCount(split_.learned_from.size(), "case") +
                             ", the rest is measured with";
    }
    measurer_.SetCases(std::move(sets), mask);
    try {
      measurer_.TryCases();
    } catch (const Error& error) {
      if (!options_.inputs.empty() || error.kind() == ErrorKind::kInterrupted) throw;
      throw Error(error.kind(), std::string(error.what()) +
                                    "; the inputs were made up: say more of them with --dim and --values, or "
                                    "give real ones with --inputs");
    }
  }

  // For all forms that are measured. Noise is measured with the codes that will be written, and with other
  // inputs: with its own, a plan would be some decibels too rosy.
  void Learn(const Model& model, const Measurements& nearest, const std::set<TensorId>& non_finite) {
    for (const Form& form : options_.forms) {
      to_learn_.Add(model, options_.selection, std::vector<Form>(model.nodes().size(), form), non_finite);
    }
    tuning_.rounded = LearnFrom(file_system_, options_, to_learn_.weights,
                                InfluencesOf(nearest, split_.judged_by), split_, mask_, observer_);
    tuning_.rounded->report.inputs = inputs_name_;
    tuning_.rounded->report.inputs_sha256 = tuning_.inputs_sha256;
  }

  // Measures all units with the nearest codes: what is learned has to be better.
  [[nodiscard]] Measurements MeasureNearest(std::vector<Unit> units, const Twins& twins,
                                            const std::set<TensorId>& non_finite) {
    observer_.OnStage("measure");
    Measurer measurer(file_system_, options_.model, options_, observer_);
    static_cast<void>(measurer.Open());
    measurer.SetCases(split_.judged_by, mask_);
    measurer.SetCodes({.twins = twins});
    Economy economy = EconomyFor();
    economy.times_matter = false;
    return measurer.Measure(std::move(units), options_.selection, non_finite, economy);
  }

  [[nodiscard]] Economy EconomyFor() const {
    Economy economy{.least_noise = 0, .size_matters = options_.goals.max_size.has_value()};
    // A hundred of such units make a hundredth of the noise that is allowed.
    constexpr double kNegligible = 1e-4;
    if (options_.goals.min_sqnr_db) {
      economy.least_noise = kNegligible * std::pow(10.0, -*options_.goals.min_sqnr_db / 10);
    }
    return economy;
  }

  // A plan that reaches the goals as it was predicted and as it is measured, with the codes that are written.
  void Conclude(const std::set<TensorId>& non_finite) {
    tuning_.frontier = Frontier(tuning_.measured, options_.goals.max_size, options_.goals.over);
    const std::optional<Rounded> of_all_forms = tuning_.rounded;
    // Of codes that are learned for the plan, the outputs may be a little farther than they were thought.
    constexpr int kPlans = 4;
    for (int plan = 0; plan < kPlans; ++plan) {
      tuning_.rounded = of_all_forms;
      FindPlan();
      if (!of_all_forms) break;
      const double thought = plan_.found.sqnr_db;
      LearnForPlan(non_finite);
      in_hand_ = std::max(in_hand_, thought - plan_.found.sqnr_db);
      if (ReachesFidelity()) break;
      // The next plan has to have more than this one by the sum.
      if (std::isfinite(thought - plan_.summed_db)) correction_ = thought - plan_.summed_db;
    }
    if (!ReachesFidelity()) FailToReach();
    RequireTheRest();
  }

  [[nodiscard]] bool ReachesFidelity() const {
    return !options_.goals.min_sqnr_db || plan_.found.sqnr_db >= *options_.goals.min_sqnr_db;
  }

  // Which weights are learned, and how much their users count, depends on the forms that nodes may have. Now
  // that their forms are chosen, they are learned as the main command does it with this plan, and verify.
  void LearnForPlan(const std::set<TensorId>& non_finite) {
    Selection selection = options_.selection;
    selection.node_forms = NodeFormsOf(tuning_.measured, plan_.choices);
    RepeatingObserver repeating(observer_);
    tuning_.rounded = InputRounder(file_system_, options_, repeating).Round(selection, non_finite);
    WriteWhole();
    MeasureWhole();
  }

  // The best plan by what was measured of units.
  void FindPlan() {
    const Goals& goals = options_.goals;
    Target target{.min_sqnr_db = goals.min_sqnr_db,
                  .max_seconds = goals.max_latency,
                  .max_bytes = goals.max_size,
                  .over = goals.over};
    if (goals.min_speedup) {
      const double seconds = tuning_.measured.fp32_seconds / *goals.min_speedup;
      target.max_seconds = std::min(seconds, target.max_seconds.value_or(seconds));
    }
    // What is predicted is nearly what is measured, but not quite. By how much it misses is much the same for
    // plans that are much the same, so it serves to predict the next one: decibels, and the bytes of the
    // graph.
    constexpr int kAttempts = 8;
    constexpr double kInHand = 0.05;  // decibels
    constexpr double kNearEnough = 0.3;
    std::optional<TriedPlan> best;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      if (goals.min_sqnr_db) {
        target.min_sqnr_db = *goals.min_sqnr_db + in_hand_ - correction_ + (attempt > 0 ? kInHand : 0);
      }
      const Choices before = plan_.choices;
      if (!Try(target)) break;
      if (plan_.choices == before) break;  // nothing lies between what was tried
      const double above = goals.min_sqnr_db ? plan_.found.sqnr_db - in_hand_ - *goals.min_sqnr_db : 0;
      const bool fits = !goals.max_size || plan_.found.int8_bytes <= *goals.max_size;
      const bool is_better = !best || plan_.predicted.seconds < best->predicted.seconds;
      if (above >= 0 && fits && is_better) best = plan_;
      const bool is_exact = std::isinf(plan_.found.sqnr_db) || std::isinf(plan_.summed_db);
      if (fits && above >= 0 && (above < kNearEnough || is_exact)) break;
      if (!is_exact && goals.min_sqnr_db) correction_ = plan_.found.sqnr_db - plan_.summed_db;
      if (!fits) {
        const std::uint64_t predicted = std::min(plan_.predicted.bytes, plan_.found.int8_bytes);
        const std::uint64_t more_than_predicted = plan_.found.int8_bytes - predicted;
        target.max_bytes = *goals.max_size - std::min(*goals.max_size, more_than_predicted);
      }
    }
    if (!best) FailToReach();
    if (plan_.choices != best->choices) {
      plan_ = *best;
      WriteWhole();
    }
  }

  // Chooses by the target and measures what was chosen; false: there is nothing to choose.
  bool Try(const Target& target) {
    const auto choices = Choose(tuning_.measured, target);
    if (!choices) return false;
    const Over over = options_.goals.over;
    plan_ = {.choices = *choices, .predicted = Predict(tuning_.measured, *choices, over), .found = {}};
    plan_.summed_db = plan_.predicted.sqnr_db;
    plan_.predicted.sqnr_db += correction_;
    plan_.predicted.overall_db += correction_;
    WriteWhole();
    MeasureWhole();
    return true;
  }

  // How far the outputs of the model that was written are from those of FP32.
  void MeasureWhole() {
    const std::vector<double> noise = measurer_.NoiseOf(measurer_.scratch().path() / kWhole);
    plan_.found.sqnr_db = SqnrOver(tuning_.measured, noise, options_.goals.over);
    plan_.found.overall_db = SqnrOver(tuning_.measured, noise, Over::kSum);
    plan_.found.db_by_output = SqnrByOutput(tuning_.measured, noise);
  }

  // Writes the whole model in the forms that were chosen.
  void WriteWhole() {
    QuantizeOptions quantize;
    quantize.input = options_.model;
    quantize.output = measurer_.scratch().path() / kWhole;
    quantize.links = options_.links;
    quantize.selection = options_.selection;
    quantize.selection.node_forms = NodeFormsOf(tuning_.measured, plan_.choices);
    quantize.replace_output = true;
    quantize.allow_empty = true;
    quantize.hash_inputs = false;
    QuietObserver quiet(observer_);
    std::optional<KnownRounder> rounder;
    if (tuning_.rounded) rounder.emplace(*tuning_.rounded);
    quantize.rounding = learns_ ? Rounding::kLearned : Rounding::kNearest;
    plan_.found.int8_bytes =
        Quantize(file_system_, quantize, quiet, nullptr, rounder ? &*rounder : nullptr).plan.output_bytes();
  }

  void RequireTheRest() {
    const auto [fp32, int8] = measurer_.TimeBoth(measurer_.scratch().path() / kWhole);
    plan_.found.fp32_seconds = fp32;
    plan_.found.int8_seconds = int8;
    const Goals& goals = options_.goals;
    // Times are noisy: a speed counts as reached where it is missed by less than 5 %.
    constexpr double kNoise = 0.95;
    const bool is_fast = !goals.min_speedup || plan_.found.speedup() >= kNoise * *goals.min_speedup;
    const bool is_quick = !goals.max_latency || kNoise * int8 <= *goals.max_latency;
    const bool is_small = !goals.max_size || plan_.found.int8_bytes <= *goals.max_size;
    if (!is_fast || !is_quick || !is_small) FailToReach();
    if (KeepsEverything()) {
      Note(
          "the plan keeps everything in float32: with this model, these inputs and this machine nothing that "
          "reaches the goals is faster; where a smaller model is what counts, say how small (--max-size)");
    }
    tuning_.choices = plan_.choices;
    tuning_.predicted = plan_.predicted;
    tuning_.found = plan_.found;
    tuning_.node_forms = NodeFormsOf(tuning_.measured, plan_.choices);
  }

  // Whether all units have the last of their choices, which is float32.
  [[nodiscard]] bool KeepsEverything() const {
    for (std::size_t unit = 0; unit < plan_.choices.size(); ++unit) {
      if (plan_.choices[unit] + 1 != tuning_.measured.units[unit].choices.size()) return false;
    }
    return true;
  }

  [[noreturn]] void FailToReach() const {
    std::string best;
    if (!tuning_.frontier.empty()) {
      const Prediction& fastest = tuning_.frontier.front().predicted;
      const Prediction& finest = tuning_.frontier.back().predicted;
      const auto describe = [&](const Prediction& one) {
        return FormatSqnr(one.sqnr_db) + " at " + FormatTimes(tuning_.measured.fp32_seconds / one.seconds) +
               " the speed of FP32";
      };
      best =
          "; the fastest plan is predicted to have " + describe(fastest) + ", the finest " + describe(finest);
    }
    if (plan_.found.int8_seconds > 0) {
      best += "; the last that was tried has " + FormatSqnr(plan_.found.sqnr_db) + " at " +
              FormatTimes(plan_.found.speedup()) + " the speed of FP32 and " +
              FormatBytes(plan_.found.int8_bytes);
    }
    throw Error(ErrorKind::kCheckFailed, Quote(options_.model.native()) +
                                             ": no plan reaches what was asked for" + best +
                                             ". More forms (--forms) or less to reach may help");
  }

  void Note(const std::string& note) {
    observer_.OnWarning(note);
    tuning_.notes.push_back(note);
  }

  FileSystem& file_system_;
  const TuneOptions& options_;
  Observer& observer_;
  Measurer measurer_;
  Tuning tuning_;
  bool learns_ = false;         // rounding
  rounding::SplitCases split_;  // where it is learned
  LearnedWeights to_learn_;
  std::string inputs_name_;
  std::optional<std::size_t> mask_;
  TriedPlan plan_;         // the last that was tried
  double correction_ = 0;  // decibels that plans have more than the sum says
  double in_hand_ = 0;     // decibels that they lose when they are learned for by themselves
};

}  // namespace

Tuning Tune(FileSystem& file_system, const TuneOptions& options, Observer& observer) {
  return Tuner(file_system, options, observer).Run();
}

}  // namespace qi8::tune
