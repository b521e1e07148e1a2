#include "tune/trial.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "compare/comparison.hpp"
#include "tune/influences.hpp"

namespace qi8::tune {
namespace {

// The choices of a unit that have a weight's codes.
struct Place {
  std::size_t unit = 0;
  std::size_t choice = 0;
};

// Those that were measured both times: what was left out once, as too slow or fine enough, says nothing.
std::vector<Place> PlacesOf(const Trial& trial, const LearnedUse& use) {
  std::vector<Place> places;
  for (std::size_t unit = 0; unit < trial.nearest.units.size(); ++unit) {
    const UnitMeasure& measure = trial.nearest.units[unit];
    if (std::ranges::find(measure.unit.members, use.node) == measure.unit.members.end()) continue;
    for (std::size_t choice = 0; choice < measure.choices.size(); ++choice) {
      const ChoiceMeasure& nearest = measure.choices[choice];
      const bool has_codes = nearest.choice.form == use.form || nearest.choice.written == kOnlyForm;
      const bool is_measured = nearest.is_measured && trial.learned.units[unit].choices[choice].is_measured;
      if (has_codes && is_measured) places.push_back({unit, choice});
    }
  }
  return places;
}

// The noise of the users of a weight together, at all outputs: at each it counts as a share of all noise
// there with the nearest codes. So all outputs count alike, and one where the weight makes next to no noise
// counts for next to nothing.
class Noise {
 public:
  explicit Noise(const Measurements& nearest) : of_all_(NoiseOfAll(nearest)), signal_(of_all_.size(), 0) {
    for (std::size_t at = 0; at < nearest.signal.size(); ++at) {
      signal_[at % signal_.size()] += nearest.signal[at];
    }
  }

  // Over all cases together.
  [[nodiscard]] double Sum(const Measurements& measured, const std::vector<Place>& places) const {
    double sum = 0;
    for (const auto& [unit, choice] : places) {
      const std::vector<double> noise = NoiseByOutput(measured, measured.units[unit].choices[choice]);
      for (std::size_t output = 0; output < noise.size(); ++output) sum += Share(noise[output], output);
    }
    return sum;
  }

  // What it is at most in all cases but one in ten, each by its own signal.
  [[nodiscard]] double Most(const Measurements& measured, const std::vector<Place>& places) const {
    constexpr unsigned kMost = 90;
    std::vector<double> by_case(measured.cases.size(), 0);
    for (const auto& [unit, choice] : places) {
      const std::vector<double>& noise = measured.units[unit].choices[choice].noise;
      for (std::size_t at = 0; at < noise.size(); ++at) {
        const std::size_t output = at % signal_.size();
        by_case[at / signal_.size()] += Share(noise[at] * signal_[output], output);
      }
    }
    return by_case.empty() ? 0 : compare::Percentile(by_case, kMost);
  }

 private:
  // Where no noise is known, of the signal.
  [[nodiscard]] double Share(double noise, std::size_t output) const {
    const double whole = of_all_[output] > 0 ? of_all_[output] : signal_[output];
    return whole > 0 ? noise / whole : noise;
  }

  std::vector<double> of_all_;  // by output
  std::vector<double> signal_;
};

// How much nearer the outputs are with learned codes, in decibels.
struct Gain {
  double sum = 0;
  double most = 0;
};

double DecibelsBetween(double before, double after) {
  return before == after ? 0 : 10 * std::log10(before / after);  // both may be 0 or infinite
}

Gain GainOf(const Trial& trial, const Noise& noise, const std::vector<Place>& places) {
  return {DecibelsBetween(noise.Sum(trial.nearest, places), noise.Sum(trial.learned, places)),
          DecibelsBetween(noise.Most(trial.nearest, places), noise.Most(trial.learned, places))};
}

// Better in a form by more than chance makes it, and in none worse by what would count beside that: where a
// form's own noise is much larger than that of the codes, the difference is mostly chance.
bool Helps(const Trial& trial, const Noise& noise, const std::map<std::string, std::vector<Place>>& by_form) {
  constexpr double kMoreThanChance = 0.5;  // decibels
  constexpr double kSmallShare = 0.1;
  std::vector<Gain> gains;
  gains.reserve(by_form.size());
  for (const auto& [form, places] : by_form) gains.push_back(GainOf(trial, noise, places));
  const double best = std::ranges::max(gains, {}, &Gain::sum).sum;
  return best > kMoreThanChance && std::ranges::all_of(gains, [&](const Gain& gain) {
           return std::min(gain.sum, gain.most) >= -kSmallShare * best;
         });
}

}  // namespace

void LearnedWeights::Add(const Model& model, const Selection& selection, const std::vector<Form>& forms,
                         const std::set<TensorId>& non_finite) {
  for (Learnable& weight : FindLearnable(model, selection, forms, non_finite)) {
    const auto known = std::ranges::find_if(weights, [&](const Learnable& other) {
      return other.tensor == weight.tensor && other.encoding == weight.encoding;
    });
    const auto number = static_cast<std::size_t>(known - weights.begin());
    for (const Use& use : weight.uses) uses.push_back({use.node, forms.at(use.node), number});
    for (const NodeId reader : weight.readers) uses.push_back({reader, forms.at(reader), number});
    if (known == weights.end()) weights.push_back(std::move(weight));
  }
}

void TakeBack(const Model& model, const LearnedWeights& learned, const Trial& trial, Rounded& rounded) {
  const Noise noise(trial.nearest);
  for (std::size_t weight = 0; weight < learned.weights.size(); ++weight) {
    if (!rounded.report.weights.at(weight).is_learned()) continue;
    std::map<std::string, std::vector<Place>> by_form;
    for (const LearnedUse& use : learned.uses) {
      if (use.weight != weight) continue;
      const auto places = PlacesOf(trial, use);
      auto& of_form = by_form[NameOf(use.form)];
      of_form.insert(of_form.end(), places.begin(), places.end());
    }
    if (Helps(trial, noise, by_form)) continue;
    rounded.report.weights[weight].obstacle =
        "with learned ones, the outputs of the model are no nearer to FP32's";
    rounded.codes.Remove(model.tensors()[learned.weights[weight].tensor].source,
                         learned.weights[weight].encoding);
    for (const auto& [form, places] : by_form) {
      for (const auto& [unit, choice] : places) {
        trial.learned.units[unit].choices[choice].noise = trial.nearest.units[unit].choices[choice].noise;
        trial.learned.units[unit].choices[choice].error = trial.nearest.units[unit].choices[choice].error;
      }
    }
  }
}

}  // namespace qi8::tune
